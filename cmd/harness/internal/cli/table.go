package cli

import (
	"bytes"
	"io"
	"text/tabwriter"
)

// WriteTable writes aligned columns; a failed write is the harness's failure.
func WriteTable(out io.Writer, rows func(io.Writer) error) error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	if err := rows(w); err != nil {
		return err
	}
	w.Flush() // to memory: it cannot fail
	if _, err := out.Write(text.Bytes()); err != nil {
		return HarnessErrorf("%w", err)
	}
	return nil
}
