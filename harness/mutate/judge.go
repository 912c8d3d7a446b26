package mutate

import (
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A Status is what became of a lie.
type Status string

// The statuses. A lie that was never told, because no scenario brings it about, proves
// nothing.
const (
	Noticed  Status = "noticed"
	Survived Status = "survived"
	NotTold  Status = "not told"
	Accepted Status = "accepted" // it survived or was not told, for a reason that is known
)

// A Judgement is what became of one lie about one target.
type Judgement struct {
	Target   string        `json:"target"`            // name of the target
	Role     scenario.Role `json:"role"`              // which peer the mutant stood in for
	Mutation string        `json:"mutation"`          // name of the mutation
	Summary  string        `json:"summary"`           // what the mutant does wrong
	Status   Status        `json:"status"`            // whether a scenario noticed
	By       string        `json:"by,omitempty"`      // the scenario that noticed it
	Message  string        `json:"message,omitempty"` // what that said, in one line
	Passed   []string      `json:"passed,omitempty"`  // the scenarios in which it was told and that passed
	Hint     string        `json:"hint,omitempty"`    // what a scenario must say to notice it
	Reason   string        `json:"reason,omitempty"`  // why it is accepted
}

// Judge tells what the run of a mutant came to; told says whether the lie was told.
func Judge(target string, m Mutation, d outcome.Run, told bool) Judgement {
	j := Judgement{Target: target, Role: m.Role, Mutation: m.Name, Summary: m.Summary, Status: Survived}
	if at := slices.IndexFunc(d.Results, func(r outcome.Result) bool { return r.CountsAsRed(false) }); at >= 0 {
		r := d.Results[at]
		j.Status, j.By = Noticed, r.Scenario
		j.Message, _, _ = strings.Cut(strings.TrimSpace(r.Message), "\n")
		return j
	}
	if j.Hint = m.Hint; !told {
		j.Status = NotTold
	}
	if reason := knownReason(target, m); reason != "" {
		j.Status, j.Reason = Accepted, reason
	}
	return j
}

// PassedScenarios returns the scenarios of the run of a [Faithful] relay that are not red, and
// those that are. What fails for information alone is not: it would notice a lie by what it must.
func PassedScenarios(d outcome.Run) (passed, others []string) {
	bad := map[string]bool{}
	seen := map[string]bool{}
	for _, r := range d.Results {
		if !seen[r.Scenario] {
			seen[r.Scenario] = true
			passed = append(passed, r.Scenario)
		}
		bad[r.Scenario] = bad[r.Scenario] || r.CountsAsRed(false)
	}
	others = slices.DeleteFunc(slices.Clone(passed), func(id string) bool { return !bad[id] })
	passed = slices.DeleteFunc(passed, func(id string) bool { return bad[id] })
	return passed, others
}

// knownReason says why the built-in scenarios may let a lie about a peer that is compiled
// in pass.
func knownReason(target string, m Mutation) string {
	if !strings.HasPrefix(target, "reference/") {
		return ""
	}
	if m.Role == scenario.Client {
		return map[string]string{
			"reset-for-fin": "a client may end a connection by RST; no built-in scenario forbids it",
			"connect-again": "a client may try again, until its target declares policies: {retries: …}",
			"no-output":     "a client that wrote nothing in its control has nothing that could be missing",
		}[m.Name]
	}
	if reason := oneReplyReasons()[m.Name]; reason != "" && target == "reference/digest-server" {
		return reason
	}
	return map[string]string{
		"ignore-term":   "to outlive SIGTERM is a remark, until the target declares policies: {stop: …}",
		"wrong-exit":    "no built-in scenario says with which status a server must end",
		"fin-for-reset": "the servers that are compiled in never reset a connection",
	}[m.Name]
}

// oneReplyReasons are those for a server whose one reply ends the connection, after a
// request that ends with FIN.
func oneReplyReasons() map[string]string {
	one := "the conversation has one reply"
	return map[string]string{"swap-replies": one, "lose-second-reply": one, "end-early": one,
		"answer-early": "a request that ends with FIN is whole wherever it ends, so that no built-in scenario expects silence"}
}
