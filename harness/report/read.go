package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// maxResultFile bounds what is read of one result file.
const maxResultFile = 512 << 20

// formatVersion is the version of the JSON document that this package reads and writes.
const formatVersion = 1

// ReadFile reads a document from a file that [WriteJSON] or [WriteHTML] wrote; "-" is
// standard input. Counts are made anew from the results. Errors do not name the path; one
// of a file that is not there is [fs.ErrNotExist].
func ReadFile(path string) (outcome.Run, error) {
	if path == "-" {
		return ReadRun(os.Stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return outcome.Run{}, withoutPath(err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return outcome.Run{}, withoutPath(err)
	case info.IsDir():
		return outcome.Run{}, errors.New("is a directory; name the files in it")
	case info.Size() > maxResultFile:
		return outcome.Run{}, fmt.Errorf("is %d MiB long; results up to %d MiB are read", info.Size()>>20, maxResultFile>>20)
	}
	return ReadRun(file)
}

// ReadRun reads a document, as JSON or inside HTML. Results are decoded one by one, so
// that memory is needed for what is kept only.
func ReadRun(r io.Reader) (outcome.Run, error) {
	in := bufio.NewReaderSize(&limitedReader{r: r, left: maxResultFile}, 64<<10)
	first, err := firstByte(in)
	switch {
	case errors.Is(err, io.EOF):
		return outcome.Run{}, errors.New("is empty")
	case err != nil:
		return outcome.Run{}, err
	case first == '<':
		data, err := embeddedJSON(in)
		if err != nil {
			return outcome.Run{}, err
		}
		return decodeRun(data)
	case first != '{':
		return outcome.Run{}, errors.New("is not a result of harness: want JSON or HTML")
	}
	return decodeRun(in)
}

// firstByte returns the first byte that is not white space, without taking it.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if bytes.IndexByte([]byte(" \t\r\n\xef\xbb\xbf"), b) < 0 {
			return b, in.UnreadByte()
		}
	}
}

// A limitedReader fails where io.LimitReader would end.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("is longer than %d MiB", maxResultFile>>20)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// decodeRun reads the one document in r.
func decodeRun(r io.Reader) (outcome.Run, error) {
	d := &runDecoder{seen: map[string]bool{}}
	d.json = json.NewDecoder(io.TeeReader(r, &d.length))
	err := d.readObject()
	if err == nil {
		err = d.checkRun()
	}
	if err != nil {
		return outcome.Run{}, d.explain(err)
	}
	return d.run.WithResults(d.run.Results), nil
}

type runDecoder struct {
	json *json.Decoder
	run  outcome.Run
	seen map[string]bool // keys of the document

	length byteCount // of what was read so far
}

// A byteCount counts what is written to it.
type byteCount int64

func (n *byteCount) Write(p []byte) (int, error) {
	*n += byteCount(len(p))
	return len(p), nil
}

func (d *runDecoder) readObject() error {
	if _, err := d.json.Token(); err != nil { // the brace
		return err
	}
	for d.json.More() {
		token, err := d.json.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		d.seen[key] = true
		if err := d.readField(key); err != nil {
			return err
		}
	}
	if _, err := d.json.Token(); err != nil { // the brace
		return err
	}
	if _, err := d.json.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more follows the document at byte %d; merge files with `harness report merge`, not by appending", d.json.InputOffset())
	}
	return nil
}

func (d *runDecoder) readField(key string) error {
	switch key {
	case "version":
		if err := d.json.Decode(&d.run.Version); err != nil {
			return err
		}
		if d.run.Version > formatVersion {
			return fmt.Errorf("was written by a newer harness: its version is %d, this one reads %d; update harness", d.run.Version, formatVersion)
		}
		return nil
	case "results":
		return d.readResults()
	}
	var value json.RawMessage
	if err := d.json.Decode(&value); err != nil {
		return err
	}
	if !slices.Contains(runKeys(), key) {
		return nil // of a later minor version, or foreign: checkRun tells
	}
	// The field alone, so that the decoder of the type does the work.
	wrapped := append(append(append([]byte(`{"`), key...), `":`...), append(value, '}')...)
	if err := json.Unmarshal(wrapped, &d.run); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// runKeys are the fields of a document that are read whole.
func runKeys() []string {
	return []string{"run_id", "seed", "started", "elapsed_ms", "problems", "stopped", "rounds", "shard", "shards", "environment", "baseline", "scenarios", "checks", "controls"}
}

func (d *runDecoder) readResults() error {
	token, err := d.json.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('[') {
		return fmt.Errorf("is not a result of harness: \"results\" is not a list")
	}
	d.run.Results = []outcome.Result{}
	for d.json.More() {
		var r outcome.Result
		if err := d.json.Decode(&r); err != nil {
			return fmt.Errorf("results[%d]: %w", len(d.run.Results), err)
		}
		if !slices.Contains(outcome.AllVerdicts(), r.Verdict) {
			return fmt.Errorf("results[%d]: the verdict %q is not known", len(d.run.Results), r.Verdict)
		}
		d.run.Results = append(d.run.Results, r)
	}
	_, err = d.json.Token()
	return err
}

// checkRun finds what only the whole document tells.
func (d *runDecoder) checkRun() error {
	switch s, all := d.run.Shard, d.run.Shards; {
	case !d.seen["version"] || !d.seen["results"] || !d.seen["seed"] || d.run.Version < 1:
		return errors.New("is not a result of harness: it has no version, seed and results")
	case s != nil && (s.Index < 1 || s.Index > s.Total):
		return fmt.Errorf("shard: there is no shard %d of %d", s.Index, s.Total)
	case all != nil && (all.Total < len(all.Held) || slices.ContainsFunc(all.Held, func(i int) bool { return i < 1 || i > all.Total })):
		return fmt.Errorf("shards: %v are not of %d", all.Held, all.Total)
	}
	return nil
}

// explain says where the document is broken.
func (d *runDecoder) explain(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return fmt.Errorf("is cut off after %s: the run may have been killed while it wrote", plural.Count(d.length, "byte"))
	case errors.As(err, &syntax):
		return fmt.Errorf("is broken near byte %d: %w", d.json.InputOffset(), err)
	}
	return err
}
