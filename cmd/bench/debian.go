package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// A packagedProxy proxy is one that Debian has. It knows no toxics.
type packagedProxy struct {
	name   string
	needs  []string // files; the first one is the program
	args   []string // before the path of the configuration
	config string   // with listen address, upstream, folder; "": the arguments have them
}

// debianProxies returns the proxies that pass bytes on as they are and are known to do
// it well.
func debianProxies() []packagedProxy {
	return []packagedProxy{
		{
			name:  "HAProxy",
			needs: []string{"haproxy"},
			args:  []string{"-q", "-db", "-f"},
			config: `defaults
  mode tcp
  timeout connect 5s
  timeout client 5m
  timeout server 5m
  maxconn 4000
listen bench
  bind %[1]s
  server s %[2]s
`,
		},
		{
			name:  "nginx",
			needs: []string{"nginx", "/usr/lib/nginx/modules/ngx_stream_module.so"},
			args:  []string{"-c"},
			config: `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid %[3]s/nginx.pid;
error_log stderr crit;
events { worker_connections 8000; }
stream { server { listen %[1]s; proxy_pass %[2]s; } }
`,
		},
		{
			name:  "socat",
			needs: []string{"socat"},
		},
	}
}

// findFile returns the path of the first file, if all are there.
func findFile(files ...string) (path string, err error) {
	for i, f := range files {
		at, err := exec.LookPath(f)
		if err != nil {
			at = filepath.Join("/usr/sbin", f)
			if filepath.IsAbs(f) {
				at = f
			}
			if _, err := os.Stat(at); err != nil {
				return "", errors.New(f + " is not installed")
			}
		}
		if i == 0 {
			path = at
		}
	}
	return path, nil
}

// starterFor returns what starts the program.
func (p packagedProxy) starterFor(path string) func(context.Context, *bench, toxicSetup) (instance, error) {
	return func(ctx context.Context, b *bench, _ toxicSetup) (instance, error) {
		addr, err := freeAddr()
		if err != nil {
			return instance{}, err
		}
		args := socatArgs(addr, b.server.addr)
		if p.config != "" {
			config := filepath.Join(b.folder, p.name+".conf")
			if err := os.WriteFile(config, fmt.Appendf(nil, p.config, addr, b.server.addr, b.folder), 0o600); err != nil {
				return instance{}, err
			}
			args = append(p.args, config)
		}
		cmd := exec.CommandContext(ctx, path, args...)
		if p.config != "" {
			cmd.Stderr = os.Stderr
		} // else it is socat's, which tells of every reset
		if err := cmd.Start(); err != nil {
			return instance{}, err
		}
		i := instance{addr: addr, pid: cmd.Process.Pid, stop: stopProcess(cmd)}
		if err := awaitAnswer(ctx, func() error { return checkAnswers(addr) }); err != nil {
			i.stop()
			return instance{}, fmt.Errorf("start: %w", err)
		}
		return i, nil
	}
}

// socatArgs are those of a socat with a process for each connection.
func socatArgs(listen, upstream string) []string {
	host, port, _ := net.SplitHostPort(listen)
	return []string{"TCP-LISTEN:" + port + ",bind=" + host + ",fork,reuseaddr,backlog=512,nodelay", "TCP:" + upstream + ",nodelay"}
}

func checkAnswers(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}
