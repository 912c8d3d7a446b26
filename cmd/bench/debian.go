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

// A packaged proxy is one that Debian has. It knows no toxics.
type packaged struct {
	name   string
	needs  []string // files; the first one is the program
	args   []string // before the path of the configuration
	config string   // with listen address, upstream, folder
}

// debian returns the proxies that pass bytes on as they are and are known to do
// it well.
func debian() []packaged {
	return []packaged{
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
	}
}

// find returns the path of the first file, if all are there.
func find(files ...string) (path string, err error) {
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

// at returns what starts the program.
func (p packaged) at(path string) func(context.Context, *bench, shape) (instance, error) {
	return func(ctx context.Context, b *bench, _ shape) (instance, error) {
		addr, err := freeAddr()
		if err != nil {
			return instance{}, err
		}
		config := filepath.Join(b.folder, p.name+".conf")
		if err := os.WriteFile(config, fmt.Appendf(nil, p.config, addr, b.server.addr, b.folder), 0o600); err != nil {
			return instance{}, err
		}
		cmd := exec.CommandContext(ctx, path, append(p.args, config)...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return instance{}, err
		}
		i := instance{addr: addr, pid: cmd.Process.Pid, stop: stopper(cmd)}
		if err := await(ctx, func() error { return answers(addr) }); err != nil {
			i.stop()
			return instance{}, fmt.Errorf("start: %w", err)
		}
		return i, nil
	}
}

func answers(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}
