package jwe

import "poolcert/decrypt/cms"

// checkValues counts what is in JSON before it is parsed: an empty object is 2
// bytes of text, and a hundred times that as a recipient or a member of a map.
// In text that is no JSON the count may be wrong.
func checkValues(text []byte) error {
	values, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			quoted = !quoted
		case '\\':
			i++ // what follows ends no string
		case ',', '[', '{':
			if quoted {
				continue
			}
			if values++; values > maxValues {
				return &cms.LimitError{What: "values in JSON of JWE", Limit: maxValues}
			}
		}
	}
	return nil
}
