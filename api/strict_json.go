package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how deep a body may be nested. Ours are nested three deep.
const maxDepth = 16

// A malformedError says why a body is no JSON that we read.
type malformedError struct{ why string }

func (e *malformedError) Error() string { return e.why }

// checkJSON reads a body more strictly than encoding/json does, which takes the last of two equal keys, repairs
// invalid text and lets 1e3 pass where nobody meant it. A *malformedError says that the body as a whole is refused;
// the faults are values that no field of ours may have: null, fractions, control characters.
func checkJSON(body []byte) ([]Fault, error) {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return nil, &malformedError{"the body is empty"}
	case !utf8.Valid(body):
		return nil, &malformedError{"the body is not valid UTF-8"}
	case !json.Valid(body):
		return nil, &malformedError{"the body is not one JSON value"}
	case hasLoneSurrogate(body):
		return nil, &malformedError{"the body has an escape that is half a character"}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	walk := jsonWalk{decoder: decoder}
	if err := walk.value("", 1); err != nil {
		return nil, err
	}
	return walk.faults, nil
}

type jsonWalk struct {
	decoder *json.Decoder
	faults  []Fault
}

func (w *jsonWalk) fault(pointer, detail string) {
	if len(w.faults) < maxFaults {
		w.faults = append(w.faults, Fault{pointer, detail})
	}
}

// value reads the next value, which stands at the pointer.
func (w *jsonWalk) value(pointer string, depth int) error {
	token, err := w.decoder.Token()
	if err != nil {
		return &malformedError{"the body is not one JSON value"}
	}
	switch token := token.(type) {
	case nil:
		w.fault(pointer, "null is no value here: leave the field out")
	case json.Number:
		w.number(token.String(), pointer)
	case string:
		return w.text(token, pointer)
	case json.Delim:
		if depth > maxDepth {
			return &malformedError{fmt.Sprintf("the body is nested deeper than %d", maxDepth)}
		}
		if token == '{' {
			return w.object(pointer, depth)
		}
		return w.array(pointer, depth)
	}
	return nil
}

func (w *jsonWalk) number(text, pointer string) {
	if strings.ContainsAny(text, ".eE") {
		w.fault(pointer, "must be a whole number, written without fraction or exponent")
		return
	}
	if _, err := strconv.ParseInt(text, 10, 64); err != nil {
		w.fault(pointer, "does not fit in 64 bits")
	}
}

func (w *jsonWalk) object(pointer string, depth int) error {
	seen := map[string]bool{}
	for w.decoder.More() {
		token, err := w.decoder.Token()
		key, isText := token.(string)
		if err != nil || !isText {
			return &malformedError{"the body is not one JSON value"}
		}
		at := pointer + "/" + pointerToken(key)
		if seen[key] {
			return &malformedError{fmt.Sprintf("the field %q is there twice", at)}
		}
		seen[key] = true
		if !isFieldName(key) {
			w.fault(at, "is not known here")
		}
		if err := w.value(at, depth+1); err != nil {
			return err
		}
	}
	return w.close()
}

func (w *jsonWalk) array(pointer string, depth int) error {
	for i := 0; w.decoder.More(); i++ {
		if err := w.value(pointer+"/"+strconv.Itoa(i), depth+1); err != nil {
			return err
		}
	}
	return w.close()
}

// close reads the closing bracket, which is there: the body is valid.
func (w *jsonWalk) close() error {
	_, err := w.decoder.Token()
	return err
}

func (w *jsonWalk) text(text, pointer string) error {
	for _, char := range text {
		switch {
		case char == 0:
			return &malformedError{"the body has a NUL character"}
		case unicode.IsControl(char):
			w.fault(pointer, "must not have control characters")
			return nil
		case isDirectionMark(char):
			w.fault(pointer, "must not have marks that turn the direction of writing")
			return nil
		}
	}
	return nil
}

// isDirectionMark tells the invisible characters with which a text can be made to look like another one.
func isDirectionMark(char rune) bool {
	return char == 0x061C || char == 0x200E || char == 0x200F || char >= 0x202A && char <= 0x202E || char >= 0x2066 && char <= 0x2069
}

// isFieldName is false for names that no field of ours can have, whose dots and brackets would spoil huma's locations.
func isFieldName(key string) bool {
	for _, char := range key {
		if char != '_' && char != '-' && char != '$' && (char > unicode.MaxASCII || !unicode.IsLetter(char) && !unicode.IsDigit(char)) {
			return false
		}
	}
	return key != ""
}

// hasLoneSurrogate finds \ud800 to \udfff outside of a pair, which encoding/json would replace in silence. The body
// is valid JSON.
func hasLoneSurrogate(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if body[i] != 'u' {
			continue
		}
		unit := hexUnit(body[i+1:])
		i += 4
		switch {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			if low := hexUnit(bytes.TrimPrefix(body[i+1:], []byte(`\u`))); body[i+1] != '\\' || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 6
		}
	}
	return false
}

// hexUnit reads four hexadecimal digits; 0 when there are none.
func hexUnit(text []byte) uint64 {
	if len(text) < 4 {
		return 0
	}
	unit, err := strconv.ParseUint(string(text[:4]), 16, 16)
	if err != nil {
		return 0
	}
	return unit
}
