//go:build !linux

package peer

func launcherMain() {}

type interceptor struct{}

func (p *Process) prepareInterception() (*interceptor, error) {
	if p.command.OnConnect != nil {
		return nil, ErrNoInterception
	}
	return nil, nil
}

func (*interceptor) startAnswering() error { return nil }

func (*interceptor) abandon() {}

func (*interceptor) end() {}
