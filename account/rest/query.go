package rest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolcert/account"
	"poolcert/batch"
)

// maxTimeout is the time of a call, and the longest that a client can ask for.
const maxTimeout = 30 * time.Second

// commonParams are those of all operations. The second half are headers by
// specification, which old clients send as parameters.
var commonParams = []string{"api-version", "timeout", "client-request-id", "return-client-request-id", "ocp-date"}

// params are the query parameters of a call.
type params struct {
	version   string
	timeout   time.Duration
	filter    string
	selected  []string // $select in lower case; nil: everything
	selecting string   // $select as sent
	limit     int      // maxresults; 0: not sent
	skipToken string
}

// parseParams reads a query. Parameter names are matched in any letter case, as
// the signature does.
func parseParams(query string, allowed []string) (params, error) {
	p := params{timeout: maxTimeout}
	values, err := url.ParseQuery(query)
	if err != nil {
		return p, batch.NewError(batch.CodeInvalidURI, "The query of the requested URI is malformed.")
	}
	given := make(map[string]string)
	for name, all := range values {
		name = strings.ToLower(name)
		if !slices.Contains(commonParams, name) && !slices.Contains(allowed, name) {
			return p, batch.NewError(batch.CodeUnsupportedQueryParameter, "A query parameter specified in the request URI is not supported.",
				"QueryParameterName", clip(name, 80), "QueryParameterValue", clip(all[0], 80))
		}
		if _, twice := given[name]; twice || slices.ContainsFunc(all, func(v string) bool { return v != all[0] }) {
			return p, badParam(name, strings.Join(all, ","), "it is given more than once")
		}
		given[name] = all[0]
	}
	p.version = given["api-version"]
	switch {
	case p.version == "":
		return p, batch.NewError(batch.CodeMissingRequiredQueryParameter,
			"A query parameter that's mandatory for this request is not specified.", "QueryParameterName", "api-version")
	case !batch.KnownVersion(p.version):
		return p, batch.NewError(batch.CodeUnsupportedRequestVersion, "The specified api-version is not supported.",
			"QueryParameterName", "api-version", "QueryParameterValue", clip(p.version, 40))
	}
	if text, ok := given["timeout"]; ok {
		seconds, err := wholeNumber("timeout", text, 1, 1<<31-1)
		if err != nil {
			return p, err
		}
		p.timeout = min(time.Duration(seconds)*time.Second, maxTimeout)
	}
	if text, ok := given["maxresults"]; ok {
		if p.limit, err = wholeNumber("maxresults", text, 1, account.MaxPage); err != nil {
			return p, err
		}
	}
	if text := given["$expand"]; text != "" && text != "stats" { // nothing here has statistics
		return p, badParam("$expand", text, "only stats is supported")
	}
	p.filter, p.selecting, p.skipToken = given["$filter"], given["$select"], given["$skiptoken"]
	for name := range strings.SplitSeq(p.selecting, ",") {
		if name = strings.TrimSpace(name); name != "" {
			p.selected = append(p.selected, strings.ToLower(name))
		}
	}
	return p, nil
}

func wholeNumber(name, text string, low, high int) (int, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badParam(name, text, "it is not a whole number")
	}
	if n < int64(low) || n > int64(high) {
		return 0, batch.NewError(batch.CodeOutOfRangeQueryParameterValue,
			"A query parameter specified in the request URI is outside the permissible range.",
			"QueryParameterName", name, "QueryParameterValue", clip(text, 40),
			"MinimumAllowed", strconv.Itoa(low), "MaximumAllowed", strconv.Itoa(high))
	}
	return int(n), nil
}

// checkSelect refuses names that the entity does not have.
func (p *params) checkSelect(properties ...string) error {
	for _, name := range p.selected {
		if !slices.ContainsFunc(properties, func(have string) bool { return strings.EqualFold(have, name) }) {
			return badParam("$select", p.selecting, "there is no property "+clip(name, 40))
		}
	}
	return nil
}

func badParam(name, value, reason string) *batch.Error {
	return batch.NewError(batch.CodeInvalidQueryParameterValue,
		"Value for one of the query parameters specified in the request URI is invalid.",
		"QueryParameterName", name, "QueryParameterValue", clip(value, 200), "Reason", reason)
}

// clip shortens outside text that goes into an answer.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
