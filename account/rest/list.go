package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A listBody is the answer of a list operation (reference section 2.6).
type listBody struct {
	Metadata string `json:"odata.metadata"`
	Value    []any  `json:"value"`
	NextLink string `json:"odata.nextLink,omitempty"`
}

// A list is one page on its way out.
type list struct {
	metadata string // the fragment, such as certificates
	path     string // below the account URL, escaped
	value    []any
	last     string // key of the last element if more follow
}

func (c *call) scope(path string) scope {
	return scope{acct: c.account, list: path, filter: c.params.filter}
}

// after returns the key in the request's $skiptoken, empty on the first page.
func (c *call) after(path string) (string, error) {
	if c.params.skipToken == "" {
		return "", nil
	}
	return c.scope(path).after(c.params.skipToken)
}

func (c *call) page(l list) error {
	body := listBody{Metadata: c.base + "/$metadata#" + l.metadata, Value: make([]any, len(l.value))}
	for i, v := range l.value {
		element, err := selectFrom(v, c.params.selected)
		if err != nil {
			return err
		}
		body.Value[i] = element
	}
	if l.last != "" {
		body.NextLink = c.nextLink(l)
	}
	return c.json(http.StatusOK, body)
}

// nextLink has all parameters of the list, since clients follow it as it is.
func (c *call) nextLink(l list) string {
	link := c.base + l.path + "?$skiptoken=" + c.scope(l.path).token(l.last) + "&api-version=" + c.params.version
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
