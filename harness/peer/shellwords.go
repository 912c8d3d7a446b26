package peer

import (
	"errors"
	"fmt"
	"strings"
)

// ParseCommand splits a line into words the way a POSIX shell does: blanks
// separate, single quotes keep everything, double quotes keep everything but
// backslash before $ ` " \ and newline, a backslash outside quotes keeps the
// next character. Nothing is expanded. What only a shell can do (pipes,
// redirections, lists) is an error and not a word.
func ParseCommand(line string) ([]string, error) {
	s := splitter{line: line}
	for s.at < len(line) {
		if err := s.stepRune(); err != nil {
			return nil, err
		}
	}
	s.endWord()
	if len(s.words) == 0 {
		return nil, errEmpty
	}
	if s.words[0] == "" {
		return nil, errors.New("the command has an empty program name")
	}
	return s.words, nil
}

type splitter struct {
	line  string
	at    int // next byte of line
	words []string
	word  strings.Builder
	open  bool // a word has begun, perhaps empty
}

func (s *splitter) endWord() {
	if s.open {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.open = false
}

func (s *splitter) stepRune() error {
	c := s.line[s.at]
	switch {
	case c == 0:
		return s.errorf("a NUL byte is not allowed")
	case strings.IndexByte(" \t\r\n", c) >= 0:
		s.at++
		s.endWord()
		return nil
	case strings.IndexByte("|&;<>", c) >= 0:
		return s.errorf("%q is shell syntax, and the command runs without a shell: quote it, or use sh -c '...'", c)
	}
	if strings.HasPrefix(s.line[s.at:], "\\\n") {
		s.at += 2
		return nil
	}
	s.open = true
	switch c {
	case '\'':
		return s.singleQuoted()
	case '"':
		return s.doubleQuoted()
	case '\\':
		return s.escapedRune()
	}
	s.word.WriteByte(c)
	s.at++
	return nil
}

func (s *splitter) singleQuoted() error {
	length := strings.IndexByte(s.line[s.at+1:], '\'')
	if length < 0 {
		return s.errorf("the single quote is not closed")
	}
	text := s.line[s.at+1 : s.at+1+length]
	if strings.IndexByte(text, 0) >= 0 {
		return s.errorf("a NUL byte is not allowed in quotes")
	}
	s.word.WriteString(text)
	s.at += length + 2
	return nil
}

func (s *splitter) doubleQuoted() error {
	for i := s.at + 1; i < len(s.line); i++ {
		c := s.line[i]
		switch {
		case c == 0:
			return s.errorf("a NUL byte is not allowed in quotes")
		case c == '"':
			s.at = i + 1
			return nil
		case c == '\\' && i+1 < len(s.line) && strings.IndexByte("$`\"\\\n", s.line[i+1]) >= 0:
			i++
			if s.line[i] != '\n' {
				s.word.WriteByte(s.line[i])
			}
		default:
			s.word.WriteByte(c)
		}
	}
	return s.errorf("the double quote is not closed")
}

func (s *splitter) escapedRune() error {
	if s.at+1 == len(s.line) {
		return s.errorf("nothing follows the backslash")
	}
	c := s.line[s.at+1]
	if c == 0 {
		return s.errorf("a NUL byte is not allowed")
	}
	s.word.WriteByte(c)
	s.at += 2
	return nil
}

func (s *splitter) errorf(format string, args ...any) error {
	return fmt.Errorf("command, column %d: "+format, append([]any{s.at + 1}, args...)...)
}

// FormatCommand joins words to a line that ParseCommand and a POSIX shell read
// as the same words.
func FormatCommand(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quoteWord(word)
	}
	return strings.Join(quoted, " ")
}

const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_{}^"

func quoteWord(word string) string {
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
