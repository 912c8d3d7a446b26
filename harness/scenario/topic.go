package scenario

// A Topic is the scenarios of one subject.
type Topic struct {
	Name    string            // the part of scenario ids before the slash
	Summary string            // one line: what its scenarios do to a connection
	List    func() []Scenario // returns its scenarios, in order
}
