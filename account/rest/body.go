package rest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"poolcert/batch"
)

// Limits of request bodies in bytes.
const (
	maxCertificateBody = 64 << 10
	maxActionBody      = 64 << 10
	maxPoolBody        = 1 << 20
)

// An object is a JSON object of a request, taken apart member by member so that
// a refusal can name the property.
type object struct {
	path    string // of the object, with a dot; empty for the body itself
	members map[string]json.RawMessage
}

// body reads the request's body, which must be a JSON object.
func (c *call) body(limit int64) (object, error) {
	tooLarge := batch.NewError(batch.CodeRequestBodyTooLarge, "The size of the request body exceeds the maximum size permitted.")
	if c.r.ContentLength > limit {
		return object{}, tooLarge
	}
	if deadline, ok := c.ctx().Deadline(); ok {
		http.NewResponseController(c.w).SetReadDeadline(deadline) // where the server can
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	if errors.As(err, new(*http.MaxBytesError)) {
		return object{}, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return object{}, timedOut()
	}
	if err != nil {
		return object{}, batch.NewError(batch.CodeInvalidRequestBody, "The specified request body could not be read.")
	}
	return parseObject(data)
}

func parseObject(data []byte) (object, error) {
	var o object
	if err := json.Unmarshal(data, &o.members); err != nil || o.members == nil {
		return object{}, batch.NewError(batch.CodeInvalidRequestBody, "The specified request body is not a syntactically valid JSON object.")
	}
	return o, nil
}

// has reports whether a member is there and not null.
func (o object) has(name string) bool {
	value, ok := o.members[name]
	return ok && string(value) != "null"
}

// require refuses an object without one of the members.
func (o object) require(names ...string) error {
	for _, name := range names {
		if !o.has(name) {
			return batch.NewError(batch.CodeMissingRequiredProperty, "A required property was not specified in the request body.",
				"PropertyName", o.path+name)
		}
	}
	return nil
}

// only refuses an object with other members. Old clients send odata.metadata.
func (o object) only(names ...string) error {
	for name := range o.members {
		if name != "odata.metadata" && !slices.Contains(names, name) {
			return batch.NewError(batch.CodeUnsupportedProperty, "A property in the request body is not supported.",
				"PropertyName", o.path+clip(name, 80))
		}
	}
	return nil
}

// text returns a string member, empty when it is absent.
func (o object) text(name string) (string, error) {
	if !o.has(name) {
		return "", nil
	}
	var s string
	if json.Unmarshal(o.members[name], &s) != nil {
		return "", o.invalid(name, "", "it is not a string")
	}
	return s, nil
}

// parse reads a string member by the type's own rules; absent leaves into alone.
func (o object) parse(name string, into interface{ UnmarshalText([]byte) error }) error {
	s, err := o.text(name)
	if err != nil || !o.has(name) {
		return err
	}
	if err := into.UnmarshalText([]byte(s)); err != nil {
		return o.invalid(name, s, err.Error())
	}
	return nil
}

// whole reads a member that is a whole number; absent gives nil.
func (o object) whole(name string) (*int64, error) {
	if !o.has(name) {
		return nil, nil
	}
	var n int64
	if json.Unmarshal(o.members[name], &n) != nil {
		return nil, o.invalid(name, string(o.members[name]), "it is not a whole number")
	}
	return &n, nil
}

// list reads a member that is an array; absent gives nil.
func (o object) list(name string) ([]json.RawMessage, error) {
	if !o.has(name) {
		return nil, nil
	}
	values := []json.RawMessage{}
	if json.Unmarshal(o.members[name], &values) != nil {
		return nil, o.invalid(name, "", "it is not an array")
	}
	return values, nil
}

// thumbprint reads the two members that name a certificate.
func (o object) thumbprint() (tp batch.Thumbprint, err error) {
	if err := o.require("thumbprint", "thumbprintAlgorithm"); err != nil {
		return tp, err
	}
	algorithm, err := o.text("thumbprintAlgorithm")
	if err != nil {
		return tp, err
	}
	if !strings.EqualFold(algorithm, batch.SHA1) {
		return tp, o.invalid("thumbprintAlgorithm", algorithm, "only sha1 is supported")
	}
	return tp, o.parse("thumbprint", &tp)
}

// invalid refuses a member's value. An empty value is not shown.
func (o object) invalid(name, value, reason string) error {
	details := []string{"PropertyName", o.path + name, "Reason", reason}
	if value != "" {
		details = slices.Insert(details, 2, "PropertyValue", clip(value, 100))
	}
	return batch.NewError(batch.CodeInvalidPropertyValue,
		"The value provided for one of the properties in the request body is invalid.", details...)
}
