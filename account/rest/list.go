package rest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"poolcert/account"
)

// Bounds of a page. A client may get fewer elements than it asked for; the link
// leads on.
const (
	maxPageSize = 8 << 20 // bytes after which no more elements are added
	chunk       = 64      // elements that are in memory at a time
)

// A listBody is the answer of a list operation (reference section 2.6).
type listBody struct {
	Metadata string            `json:"odata.metadata"`
	Value    []json.RawMessage `json:"value"`
	NextLink string            `json:"odata.nextLink,omitempty"`
}

// A list is one page on its way out.
type list struct {
	call  *call
	name  string // of the list in its metadata, such as certificates
	path  string // below the account URL, escaped
	value []json.RawMessage
	size  int // bytes
}

// add appends an element, cut to $select.
func (l *list) add(v any) error {
	element, err := l.call.element(v)
	if err != nil {
		return err
	}
	data, err := encode(element)
	l.value = append(l.value, data)
	l.size += len(data)
	return err
}

// answer sends the page; last is the key of its last element if more follow.
func (l *list) answer(last string) error {
	body := listBody{Metadata: l.call.base + "/$metadata#" + l.name, Value: l.value}
	if body.Value == nil {
		body.Value = []json.RawMessage{}
	}
	if last != "" {
		body.NextLink = l.nextLink(last)
	}
	return l.call.json(http.StatusOK, body)
}

func (l *list) scope() scope {
	return scope{acct: l.call.account, list: l.path, filter: l.call.params.filter}
}

// sendPage answers with the page that the request asks for. fetch returns up to
// limit elements after the one with that key, and whether more follow; finish
// completes an element and returns its key.
func sendPage[T any](l list, fetch func(after string, limit int) ([]T, bool, error), finish func(*T) string) error {
	after, limit, more := "", account.MaxPage, true
	if asked := l.call.params.limit; asked != 0 {
		limit = asked
	}
	if token := l.call.params.skipToken; token != "" {
		var err error
		if after, err = l.scope().after(token); err != nil {
			return err
		}
	}
	for more && len(l.value) < limit && l.size < maxPageSize {
		var elements []T
		var err error
		if elements, more, err = fetch(after, min(chunk, limit-len(l.value))); err != nil {
			return err
		}
		for i := range elements {
			after = finish(&elements[i])
			if err := l.add(&elements[i]); err != nil {
				return err
			}
		}
	}
	if !more {
		after = ""
	}
	return l.answer(after)
}

// nextLink has all parameters of the list, since clients follow it as it is.
func (l *list) nextLink(last string) string {
	c := l.call
	link := c.base + l.path + "?$skiptoken=" + l.scope().token(last) + "&api-version=" + c.params.version
	add := func(name, value string) {
		if value != "" {
			// Not every client signs a plus sign as a space.
			link += "&" + name + "=" + strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
		}
	}
	add("$filter", c.params.filter)
	add("$select", c.params.selecting)
	if c.params.limit != 0 {
		add("maxresults", strconv.Itoa(c.params.limit))
	}
	return link
}
