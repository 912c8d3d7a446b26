package scenario

import (
	"math"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/strictyaml"
)

func (d *configDecoder) decodePolicies(n *strictyaml.Node) Policies {
	var p Policies
	d.policiesInto(n, &p)
	return p
}

// policiesInto decodes the policies that n names, and leaves the others as they are.
func (d *configDecoder) policiesInto(n *strictyaml.Node, p *Policies) {
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"half_close":      func(n *strictyaml.Node) { p.HalfClose = HalfClose(d.OneOf(n, "answer", "close", "abort")) },
		"eof":             func(n *strictyaml.Node) { p.EOF = InputEnd(d.OneOf(n, "done", "gone")) },
		"pipelining":      func(n *strictyaml.Node) { v := d.Bool(n); p.Pipelining = &v },
		"greeting":        func(n *strictyaml.Node) { v := d.Bool(n); p.Greeting = &v },
		"truncated":       func(n *strictyaml.Node) { p.Truncated = Truncation(d.OneOf(n, "ignored", "error", "accepted")) },
		"max_message":     func(n *strictyaml.Node) { p.MaxMessage = d.IntBetween(n, 1, math.MaxInt32) },
		"idle_timeout":    func(n *strictyaml.Node) { p.IdleTimeout = d.ParseDuration(n) },
		"request_timeout": func(n *strictyaml.Node) { p.RequestTimeout = d.ParseDuration(n) },
		"answer_timeout":  func(n *strictyaml.Node) { p.AnswerTimeout = d.ParseDuration(n) },
		"answer_deadline": func(n *strictyaml.Node) { p.AnswerDeadline = d.ParseDuration(n) },
		"retries":         func(n *strictyaml.Node) { p.Retries = d.decodeRetries(n) },
		"idempotent":      func(n *strictyaml.Node) { v := d.Bool(n); p.Idempotent = &v },
		"transfer_port":   func(n *strictyaml.Node) { p.TransferPort = d.Bool(n) },
		"exit":            func(n *strictyaml.Node) { p.Exit = d.decodeExit(n) },
		"tls_fin":         func(n *strictyaml.Node) { p.TLSFin = TLSFin(d.OneOf(n, "end", "error")) },
		"stop":            func(n *strictyaml.Node) { p.Stop = Stop(d.OneOf(n, "drain", "immediate")) },
	})
}

// With returns the policies with others set: each setting is a line of YAML, such
// as "half_close: answer", or the same with = instead of the colon. The error names
// the setting that it is about.
func (p Policies) With(settings ...string) (Policies, error) {
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		line := name + ": " + value
		if strings.ContainsAny(name, ": ") || value == "" {
			line = setting
		}
		n, err := strictyaml.ParseText(setting, []byte(line))
		if err != nil {
			return p, err
		}
		var d configDecoder
		d.policiesInto(n, &p)
		if err := d.Err(); err != nil {
			return p, err
		}
	}
	return p, nil
}

// decodeRetries reads a number, or "forever".
func (d *configDecoder) decodeRetries(n *strictyaml.Node) int {
	if n.Kind() == strictyaml.Text && d.OneOf(n, "forever") != "" {
		return RetriesForEver
	}
	return int(d.IntBetween(n, 0, math.MaxInt32))
}

func (d *configDecoder) decodeExit(n *strictyaml.Node) Exit {
	var e Exit
	status := func(to **int) func(*strictyaml.Node) {
		return func(n *strictyaml.Node) { v := int(d.IntBetween(n, 0, 255)); *to = &v }
	}
	d.DecodeFields(n, map[string]func(*strictyaml.Node){"failed": status(&e.Failed), "refused": status(&e.Refused)})
	return e
}

// decodeOracles reads the levels that a target gives to default oracles.
func (d *configDecoder) decodeOracles(n *strictyaml.Node) map[string]outcome.Level {
	levels := map[string]outcome.Level{}
	fields := map[string]func(*strictyaml.Node){}
	for _, o := range DefaultOracles() {
		fields[o.Name] = func(n *strictyaml.Node) {
			levels[o.Name] = outcome.Level(d.OneOf(n, string(Off), string(outcome.Must), string(outcome.Should), string(outcome.May), string(outcome.Info)))
		}
	}
	d.DecodeFields(n, fields)
	return levels
}
