package spec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
)

// setFrame reads the n-th message, and a number of its bytes: 3, "3" or "3+2".
func (t *Trigger) setFrame(value any) error {
	text, offset, more := strings.Cut(fmt.Sprint(value), "+")
	n, err := strconv.ParseInt(text, 10, 32)
	if err == nil && more {
		t.FrameOffset, err = parseSize(offset)
	}
	if t.Frame = int(n); err != nil || n < 1 {
		return fmt.Errorf("must be a number from 1, or with bytes of that frame such as 3+2, got %v", value)
	}
	return nil
}

// formatFrame writes the frame and its framing as [ParseFlag] reads them.
func (t Trigger) formatFrame() string {
	text := fmt.Sprintf("at.frame=%s", t.FrameText())
	if t.Framing != "" {
		text += " at.framing=" + quoteText(t.Framing)
	}
	return text
}

// FrameText returns the frame as [ParseTrigger] reads it, such as "3+2".
func (t Trigger) FrameText() string {
	if t.FrameOffset == 0 {
		return strconv.Itoa(t.Frame)
	}
	return fmt.Sprintf("%d+%d", t.Frame, t.FrameOffset)
}

// checkFrame finds what is wrong with the framing, if one is needed. It returns nil
// while it is not given.
func (t Trigger) checkFrame() error {
	switch {
	case t.Frame == 0 && t.Framing != "":
		return errors.New("at.framing says nothing without at.frame")
	case t.Frame == 0 && t.FrameOffset != 0 || t.FrameOffset < 0:
		return fmt.Errorf("at.frame must have 0 bytes or more of a frame, got %d", t.FrameOffset)
	case t.Framing == "":
		return nil
	}
	f, err := dialogue.ParseFraming(t.Framing)
	switch {
	case err != nil:
		return fmt.Errorf("at.framing %w", err)
	case f.Kind == dialogue.None || f.Kind == dialogue.UntilEOF:
		return fmt.Errorf("at.framing %s has no frame behind another", f.Kind)
	}
	return nil
}

// WithFraming returns the trigger with the framing of its proxy or dialogue, if it
// needs one and has none.
func (t Trigger) WithFraming(text string) Trigger {
	if t.Frame != 0 && t.Framing == "" {
		t.Framing = text
	}
	return t
}
