package scenario

import (
	"math"

	"github.com/sockharness/harness/harness/document"
	"github.com/sockharness/harness/harness/outcome"
)

func (d *configDecoder) policies(n *document.Node) Policies {
	var p Policies
	d.Fields(n, map[string]func(*document.Node){
		"half_close":      func(n *document.Node) { p.HalfClose = HalfClose(d.OneOf(n, "answer", "close", "abort")) },
		"pipelining":      func(n *document.Node) { v := d.Bool(n); p.Pipelining = &v },
		"greeting":        func(n *document.Node) { v := d.Bool(n); p.Greeting = &v },
		"truncated":       func(n *document.Node) { p.Truncated = Truncation(d.OneOf(n, "ignored", "error", "accepted")) },
		"max_message":     func(n *document.Node) { p.MaxMessage = d.Int(n, 1, math.MaxInt32) },
		"idle_timeout":    func(n *document.Node) { p.IdleTimeout = d.Duration(n) },
		"request_timeout": func(n *document.Node) { p.RequestTimeout = d.Duration(n) },
		"answer_timeout":  func(n *document.Node) { p.AnswerTimeout = d.Duration(n) },
		"answer_deadline": func(n *document.Node) { p.AnswerDeadline = d.Duration(n) },
		"retries":         func(n *document.Node) { p.Retries = d.retries(n) },
		"idempotent":      func(n *document.Node) { v := d.Bool(n); p.Idempotent = &v },
		"exit":            func(n *document.Node) { p.Exit = d.exit(n) },
		"stop":            func(n *document.Node) { p.Stop = Stop(d.OneOf(n, "drain", "immediate")) },
	})
	return p
}

// retries reads a number, or "forever".
func (d *configDecoder) retries(n *document.Node) int {
	if n.Kind() == document.Text && d.OneOf(n, "forever") != "" {
		return RetriesForEver
	}
	return int(d.Int(n, 0, math.MaxInt32))
}

func (d *configDecoder) exit(n *document.Node) Exit {
	var e Exit
	status := func(to **int) func(*document.Node) {
		return func(n *document.Node) { v := int(d.Int(n, 0, 255)); *to = &v }
	}
	d.Fields(n, map[string]func(*document.Node){"failed": status(&e.Failed), "refused": status(&e.Refused)})
	return e
}

// oracles reads the levels that a target gives to default oracles.
func (d *configDecoder) oracles(n *document.Node) map[string]outcome.Level {
	levels := map[string]outcome.Level{}
	fields := map[string]func(*document.Node){}
	for _, o := range Oracles() {
		fields[o.Name] = func(n *document.Node) {
			levels[o.Name] = outcome.Level(d.OneOf(n, string(Off), string(outcome.Must), string(outcome.Should), string(outcome.May), string(outcome.Info)))
		}
	}
	d.Fields(n, fields)
	return levels
}
