package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp/syntax"
	"strings"
	"unicode"
)

// maxRegexSteps bounds how many characters a search may compare from one position of the text: JavaScript tries one
// alternative after the other, so that a few small alternations in a row would have very many combinations. It is
// enough for a digest, and a megabyte still takes less than a second.
const maxRegexSteps = 128

// hostRegex translates a regular expression without optional or open repetitions to JavaScript's, for its flag u. The
// translation comes from Go's syntax tree and knows only what means the same in both: characters by their code points
// (letter case and character classes are spelled out), sequences, alternatives, and both ends of the text. Whatever
// matches is found in time linear in the text, as nothing of unknown length repeats.
func hostRegex(pattern string) (string, bool) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	t := translation{}
	ok := t.add(tree) && t.steps <= maxRegexSteps
	return t.text.String(), ok
}

// translation is a part of a regular expression in JavaScript.
type translation struct {
	text strings.Builder
	// ways is in how many ways the part can match at one position, at most.
	ways int
	// steps is how many characters are compared to try them all, at most.
	steps int
}

func (t *translation) add(tree *syntax.Regexp) bool {
	t.ways = 1
	switch tree.Op {
	case syntax.OpEmptyMatch:
		t.text.WriteString("(?:)")
	case syntax.OpBeginText:
		t.text.WriteString("^")
	case syntax.OpEndText:
		t.text.WriteString("$")
	case syntax.OpLiteral:
		t.steps = len(tree.Rune)
		for _, r := range tree.Rune {
			if tree.Flags&syntax.FoldCase != 0 {
				t.text.WriteString(class(foldRanges(r)))
			} else {
				t.text.WriteString(character(r))
			}
		}
	case syntax.OpCharClass:
		t.steps = 1
		t.text.WriteString(class(tree.Rune))
	case syntax.OpAnyCharNotNL:
		t.steps = 1
		t.text.WriteString(class([]rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}))
	case syntax.OpAnyChar:
		t.steps = 1
		t.text.WriteString(class([]rune{0, unicode.MaxRune}))
	case syntax.OpCapture:
		return t.add(tree.Sub[0])
	case syntax.OpConcat:
		for _, sub := range tree.Sub {
			part := translation{}
			if !part.add(sub) || !t.follow(&part) {
				return false
			}
			t.text.WriteString(part.text.String())
		}
	case syntax.OpAlternate:
		t.ways = 0
		for i, sub := range tree.Sub {
			part := translation{}
			if !part.add(sub) {
				return false
			}
			t.ways += part.ways
			t.steps += part.steps
			t.text.WriteString([]string{"(?:", "|"}[min(i, 1)] + part.text.String())
		}
		t.text.WriteString(")")
	case syntax.OpRepeat:
		part := translation{}
		if tree.Min != tree.Max || !part.add(tree.Sub[0]) {
			return false
		}
		for range tree.Min {
			if !t.follow(&part) {
				return false
			}
		}
		fmt.Fprintf(&t.text, "(?:%s){%d}", part.text.String(), tree.Min)
	default:
		return false
	}
	return true
}

// follow counts a part that is tried after each way in which the one before it matches.
func (t *translation) follow(part *translation) bool {
	t.steps += t.ways * part.steps
	t.ways *= part.ways
	return t.steps <= maxRegexSteps && t.ways <= maxRegexSteps
}

// foldRanges has all characters that differ from one in case only, as Go sees it.
func foldRanges(r rune) []rune {
	ranges := []rune{r, r}
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		ranges = append(ranges, other, other)
	}
	return ranges
}

// class takes the first and last characters of ranges.
func class(ranges []rune) string {
	var text strings.Builder
	text.WriteString("[")
	for i := 0; i < len(ranges); i += 2 {
		text.WriteString(character(ranges[i]))
		if ranges[i] != ranges[i+1] {
			text.WriteString("-" + character(ranges[i+1]))
		}
	}
	text.WriteString("]")
	return text.String()
}

func character(r rune) string {
	switch {
	case '0' <= r && r <= '9', 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', r == '_':
		return string(r)
	default:
		return fmt.Sprintf(`\u{%x}`, r)
	}
}

// printHostRegexes reads a JSON list of patterns and writes the list of their translations, null for what stays OPA's.
func printHostRegexes(in io.Reader, out io.Writer) error {
	var patterns []string
	if err := json.NewDecoder(in).Decode(&patterns); err != nil {
		return err
	}
	translations := make([]*string, len(patterns))
	for i, pattern := range patterns {
		if translated, ok := hostRegex(pattern); ok {
			translations[i] = &translated
		}
	}
	return json.NewEncoder(out).Encode(translations)
}
