package scenario

import "testing"

func TestInRole(t *testing.T) {
	said, answered := &Source{File: "client"}, &Source{File: "server"}
	pair := Target{Test: Both, Server: Peer{Command: []string{"s", "{port}"}}, Client: Peer{Command: []string{"c", "{port}"}}}
	if !pair.IsPair() || pair.InRole(Server).Test != Both {
		t.Error("nobody has listened to the pair")
	}
	pair.Recorded = &Recorded{Client: said}
	if s := pair.InRole(Server); s.Test != Server || s.Client.Dialogue != said || len(s.Server.Command) == 0 {
		t.Errorf("server: %+v", s)
	}
	if c := pair.InRole(Client); c.Test != Both {
		t.Errorf("a client that keeps to nothing: %+v", c)
	}
	pair.Recorded.Server = answered
	if c := pair.InRole(Client); c.Test != Client || c.Server.Dialogue != answered || len(c.Client.Command) == 0 || c.IsPair() {
		t.Errorf("client: %+v", c)
	}
}
