package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/sockharness/harness/harness/outcome"
)

// The element of an HTML report that holds its document: JSON, compressed by gzip, in
// base64, which no HTML parser can take for anything else.
const (
	embedStart = `<script type="application/gzip" id="harness-result">`
	embedEnd   = `</script>`
)

// embedJSON returns the document as the text of the element.
func embedJSON(d outcome.Run) (string, error) {
	var packed bytes.Buffer
	base := base64.NewEncoder(base64.StdEncoding, &packed)
	zip, err := gzip.NewWriterLevel(base, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if err := errors.Join(writeCompactJSON(zip, d), zip.Close(), base.Close()); err != nil {
		return "", fmt.Errorf("html embed: %w", err)
	}
	return packed.String(), nil
}

// embeddedJSON finds the document in an HTML report.
func embeddedJSON(in io.Reader) (io.Reader, error) {
	page, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	_, rest, found := bytes.Cut(page, []byte(embedStart))
	switch {
	case !found && !bytes.Contains(page[max(0, len(page)-64):], []byte("</html>")):
		return nil, errors.New("is not a result of harness, or is cut off: the HTML has no result inside, and no end")
	case !found:
		return nil, errors.New("is not a result of harness: the HTML has no result inside")
	}
	text, _, found := bytes.Cut(rest, []byte(embedEnd))
	if !found {
		return nil, errors.New("is cut off: the result inside the HTML does not end")
	}
	zip, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text)))
	if err != nil {
		return nil, fmt.Errorf("the result inside the HTML is broken: %w", err)
	}
	return &limitedReader{r: zip, left: maxResultFile}, nil
}
