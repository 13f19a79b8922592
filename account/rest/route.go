package rest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"poolcert/batch"
)

// An operation is what one method does on one kind of path.
type operation struct {
	name  string // for the audit log and the metrics
	run   func(*call) error
	query []string // parameters beside those that all operations have
	body  bool     // the method carries a body, perhaps an empty one
}

type methods map[string]operation

func (m methods) allow() string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

var (
	listParams = []string{"$filter", "$select", "maxresults", "$skiptoken"}
	poolParams = []string{"$select", "$expand"}

	placementParams = []string{"maxresults", "$skiptoken"}
)

// routes are all paths. A star stands for one segment, certificates(*) for the
// key of a certificate.
var routes = map[string]methods{
	"certificates": {
		http.MethodPost: {name: "certificate.add", run: addCertificate, body: true},
		http.MethodGet:  {name: "certificate.list", run: listCertificates, query: listParams},
	},
	"certificates(*)": {
		http.MethodGet:    {name: "certificate.show", run: showCertificate, query: []string{"$select"}},
		http.MethodDelete: {name: "certificate.delete", run: deleteCertificate},
	},
	"certificates(*)/canceldelete": {
		http.MethodPost: {name: "certificate.cancel-delete", run: cancelDeletion, query: []string{"canceldelete"}, body: true},
	},
	"certificatenames/*/certificates": {http.MethodGet: {name: "certificate-name.list", run: listNameHistory, query: []string{"$select", "maxresults", "$skiptoken"}}},
	"certificatenames/*/setcurrent":   {http.MethodPost: {name: "certificate-name.set-current", run: setCurrentCertificate, body: true}},
	"certificates(*)/pools":           {http.MethodGet: {name: "certificate.pools", run: listCertificatePools, query: placementParams}},
	"certificates(*)/nodes":           {http.MethodGet: {name: "certificate.nodes", run: listCertificateNodes, query: append([]string{"$filter"}, placementParams...)}},
	"pools": {
		http.MethodPost: {name: "pool.add", run: addPool, body: true},
		http.MethodGet:  {name: "pool.list", run: listPools, query: append([]string{"$expand"}, listParams...)},
	},
	"pools/*": {
		http.MethodGet:    {name: "pool.show", run: showPool, query: poolParams},
		http.MethodHead:   {name: "pool.show", run: showPool, query: poolParams},
		http.MethodPatch:  {name: "pool.patch", run: patchPool, body: true},
		http.MethodDelete: {name: "pool.delete", run: deletePool},
	},
	"pools/*/updateproperties": {http.MethodPost: {name: "pool.update", run: updatePoolProperties, body: true}},
	"pools/*/removenodes":      {http.MethodPost: {name: "node.evict", run: removeNodes, body: true}},
	"pools/*/nodes":            {http.MethodGet: {name: "node.list", run: listNodes, query: listParams}},
	"pools/*/nodes/*":          {http.MethodGet: {name: "node.show", run: showNode, query: []string{"$select"}}},
	"pools/*/nodes/*/reboot":   {http.MethodPost: {name: "node.reboot", run: rebootNode, body: true}},
	"pools/*/nodes/*/reimage":  {http.MethodPost: {name: "node.reimage", run: reimageNode, body: true}},
	"pools/*/jointokens": {
		http.MethodPost: {name: "join-token.add", run: addJoinToken, body: true},
		http.MethodGet:  {name: "join-token.list", run: listJoinTokens},
	},
	"pools/*/jointokens/*": {http.MethodDelete: {name: "join-token.revoke", run: revokeJoinToken}},
}

// resolve finds the operations of a path and the values of its stars. The path
// is cut before it is unescaped, so that an escaped slash stays in its segment.
func resolve(u *url.URL) (methods, []string, error) {
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	var args []string
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil {
			return nil, nil, batch.NewError(batch.CodeInvalidURI, "The requested URI does not represent any resource on the server.")
		}
		key, isKey := certificateKey(text)
		switch {
		case i == 0 && isKey:
			segments[i], args = "certificates(*)", append(args, key)
		case i == 1 && segments[0] == "certificatenames":
			segments[i], args = "*", append(args, text)
		case i%2 == 1 && segments[0] == "pools":
			if i == 1 || segments[2] == "nodes" || segments[2] == "jointokens" {
				segments[i], args = "*", append(args, text)
			}
		case strings.ContainsAny(text, "/*"): // would match the notation of routes
			segments[i] = ""
		default:
			segments[i] = text
		}
	}
	// Before 2016-02-01.3.0 this action was a query.
	if len(segments) == 1 && segments[0] == "certificates(*)" && hasParam(u, "canceldelete") {
		segments = append(segments, "canceldelete")
	}
	if m, ok := routes[strings.Join(segments, "/")]; ok {
		return m, args, nil
	}
	return nil, nil, batch.NewError(batch.CodeResourceNotFound, "The specified resource does not exist.")
}

// certificateKey takes what stands in the parentheses of certificates(...).
func certificateKey(segment string) (key string, ok bool) {
	key, ok = strings.CutPrefix(segment, "certificates(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(key, ")")
}

// parseCertificateKey reads the two names of a certificate's key, in any order
// and letter case, with or without quotes.
func parseCertificateKey(key string) (batch.Thumbprint, error) {
	notFound := batch.NewError(batch.CodeInvalidURI, "The requested URI does not represent any resource on the server.",
		"Reason", "a certificate is named (thumbprintAlgorithm=sha1,thumbprint=<40 hexadecimal digits>)")
	var algorithm, thumbprint string
	for pair := range strings.SplitSeq(key, ",") {
		name, value, ok := strings.Cut(pair, "=")
		value = strings.Trim(strings.TrimSpace(value), "'")
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case ok && name == "thumbprintalgorithm" && algorithm == "":
			algorithm = value
		case ok && name == "thumbprint" && thumbprint == "":
			thumbprint = value
		default:
			return batch.Thumbprint{}, notFound
		}
	}
	tp, err := batch.ParseThumbprint(thumbprint)
	if err != nil || !strings.EqualFold(algorithm, batch.SHA1) {
		return tp, notFound
	}
	return tp, nil
}

func hasParam(u *url.URL, name string) bool {
	for key := range u.Query() {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}
