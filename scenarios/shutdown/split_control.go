package shutdown

import (
	"context"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
)

// splitControl sends the first request in two halves, the second when the server has read
// the first and sleeps. Nothing else happens to the server: one that does not answer
// takes one read for a whole request.
func splitControl(c scenario.Case, without string) *scenario.Control {
	script := splitRequest(c.Conversation.Script)
	half := len(script.Steps[0].Send)
	v := actVariant(c, scenario.Variant{Run: func(ctx context.Context, rig scenario.Rig) error {
		conn, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		var failed error
		played := script.PlayClient(ctx, conn, dialogue.Options{NoEnd: true, AfterStep: func(i int) error {
			if i == 0 {
				failed = caughtUp(ctx, rig, conn, half)
				rig.ReportStruck("the server read the first half of a request, and the harness sent no signal")
			}
			return failed
		}})
		if failed != nil {
			return failed
		}
		return checkAnswered(played, len(script.Steps), "")
	}})
	return &scenario.Control{Without: without, See: "partialsend/split", Variant: v}
}
