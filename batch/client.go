package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds the body of one answer: a page of 1,000 certificates is 2 MB.
const maxAnswer = 32 << 20

// A Client calls one account. It is safe for concurrent use. Refusals by the
// service are of type *[Error]; other errors are those of the connection.
type Client struct {
	// Endpoint is the account URL, such as https://batch.example:8443.
	Endpoint string
	// Credentials are [Credentials] or a [BearerToken].
	Credentials Signer
	// HTTP makes the requests; nil means http.DefaultClient.
	HTTP *http.Client
}

// ListOptions narrow a list. The zero value lists everything.
type ListOptions struct {
	Filter     string // OData, such as state eq 'active'
	Select     string // comma list of properties
	MaxResults int    // elements a page, 0 for the service's choice
}

func (o ListOptions) query() url.Values {
	q := url.Values{}
	if o.Filter != "" {
		q.Set("$filter", o.Filter)
	}
	if o.Select != "" {
		q.Set("$select", o.Select)
	}
	if o.MaxResults != 0 {
		q.Set("maxresults", strconv.Itoa(o.MaxResults))
	}
	return q
}

func certificatePath(tp Thumbprint) string {
	return "/certificates(thumbprintAlgorithm=" + SHA1 + ",thumbprint=" + tp.String() + ")"
}

// AddCertificate adds a certificate to the account.
func (c *Client) AddCertificate(ctx context.Context, add *AddCertificate) error {
	return c.call(ctx, http.MethodPost, "/certificates", nil, add, nil)
}

// Certificate returns one certificate.
func (c *Client) Certificate(ctx context.Context, tp Thumbprint) (*Certificate, error) {
	return fetch[Certificate](ctx, c, certificatePath(tp))
}

// Certificates yields the account's certificates, page by page.
func (c *Client) Certificates(ctx context.Context, o ListOptions) iter.Seq2[*Certificate, error] {
	return list[Certificate](ctx, c, "/certificates", o)
}

// DeleteCertificate starts the deletion of a certificate. Its outcome shows in
// the certificate's state.
func (c *Client) DeleteCertificate(ctx context.Context, tp Thumbprint) error {
	return c.call(ctx, http.MethodDelete, certificatePath(tp), nil, nil, nil)
}

// CancelDeletion makes a certificate active whose deletion failed.
func (c *Client) CancelDeletion(ctx context.Context, tp Thumbprint) error {
	return c.call(ctx, http.MethodPost, certificatePath(tp)+"/canceldelete", nil, nil, nil)
}

func poolPath(id string) string { return "/pools/" + url.PathEscape(id) }

// AddPool adds a pool.
func (c *Client) AddPool(ctx context.Context, p *Pool) error {
	return c.call(ctx, http.MethodPost, "/pools", nil, p, nil)
}

// Pool returns one pool.
func (c *Client) Pool(ctx context.Context, id string) (*Pool, error) {
	return fetch[Pool](ctx, c, poolPath(id))
}

// Pools yields the account's pools, page by page.
func (c *Client) Pools(ctx context.Context, o ListOptions) iter.Seq2[*Pool, error] {
	return list[Pool](ctx, c, "/pools", o)
}

// PatchPool changes what is present in patch. A non-empty etag makes the
// service refuse (ConditionNotMet) when the pool has changed since.
func (c *Client) PatchPool(ctx context.Context, id string, patch PatchPool, etag string) error {
	header := http.Header{}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	return c.call(ctx, http.MethodPatch, poolPath(id), header, patch, nil)
}

// DeletePool deletes a pool.
func (c *Client) DeletePool(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, poolPath(id), nil, nil, nil)
}

func nodesPath(pool string) string { return poolPath(pool) + "/nodes" }

// Node returns one node of a pool.
func (c *Client) Node(ctx context.Context, pool, id string) (*Node, error) {
	return fetch[Node](ctx, c, nodesPath(pool)+"/"+url.PathEscape(id))
}

// Nodes yields the nodes of a pool, page by page.
func (c *Client) Nodes(ctx context.Context, pool string, o ListOptions) iter.Seq2[*Node, error] {
	return list[Node](ctx, c, nodesPath(pool), o)
}

// RemoveNodes evicts nodes from a pool. They lose access with their next
// request, and must join again.
func (c *Client) RemoveNodes(ctx context.Context, pool string, ids ...string) error {
	body := struct {
		NodeList []string `json:"nodeList"`
	}{ids}
	return c.call(ctx, http.MethodPost, poolPath(pool)+"/removenodes", nil, body, nil)
}

func tokensPath(pool string) string { return poolPath(pool) + "/jointokens" }

// AddJoinToken makes a token with which nodes join the pool. The answer is the
// only place where its text appears.
func (c *Client) AddJoinToken(ctx context.Context, pool string, add AddJoinToken) (*JoinToken, error) {
	var token JoinToken
	if err := c.call(ctx, http.MethodPost, tokensPath(pool), nil, add, &token); err != nil {
		return nil, err
	}
	return &token, nil
}

// JoinTokens yields the pool's tokens without their texts.
func (c *Client) JoinTokens(ctx context.Context, pool string) iter.Seq2[*JoinToken, error] {
	return list[JoinToken](ctx, c, tokensPath(pool), ListOptions{})
}

// RevokeJoinToken ends a token. Nodes that have joined with it stay.
func (c *Client) RevokeJoinToken(ctx context.Context, pool, id string) error {
	return c.call(ctx, http.MethodDelete, tokensPath(pool)+"/"+url.PathEscape(id), nil, nil, nil)
}

func fetch[T any](ctx context.Context, c *Client, path string) (*T, error) {
	v := new(T)
	if err := c.call(ctx, http.MethodGet, path, nil, nil, v); err != nil {
		return nil, err
	}
	return v, nil
}

func list[T any](ctx context.Context, c *Client, path string, o ListOptions) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		next := c.url(path, o.query())
		for next != "" {
			var page struct {
				Value    []T    `json:"value"`
				NextLink string `json:"odata.nextLink"`
			}
			if err := c.do(ctx, http.MethodGet, next, nil, nil, &page); err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Value {
				if !yield(&page.Value[i], nil) {
					return
				}
			}
			if page.NextLink != "" && !strings.HasPrefix(page.NextLink, c.base()+"/") {
				yield(nil, errors.New("the next page of the list is on another server than the first"))
				return
			}
			next = page.NextLink
		}
	}
}

func (c *Client) base() string { return strings.TrimRight(c.Endpoint, "/") }

func (c *Client) url(path string, query url.Values) string {
	if query == nil {
		query = url.Values{}
	}
	query.Set("api-version", Version)
	return c.base() + path + "?" + query.Encode()
}

func (c *Client) call(ctx context.Context, method, path string, header http.Header, body, answer any) error {
	return c.do(ctx, method, c.url(path, nil), header, body, answer)
}

// do makes one signed request. It follows no redirect: a signature is for one
// path.
func (c *Client) do(ctx context.Context, method, target string, header http.Header, body, answer any) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return fmt.Errorf("endpoint %q: %v", c.Endpoint, err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json; odata=minimalmetadata")
	}
	if c.Credentials == nil {
		return errors.New("call the account: no credentials are given")
	}
	if err := c.Credentials.Sign(req, time.Now()); err != nil {
		return err
	}
	httpClient := http.DefaultClient
	if c.HTTP != nil {
		httpClient = c.HTTP
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, req.URL.Path, err)
	}
	if len(data) > maxAnswer {
		return fmt.Errorf("%s %s: the answer is longer than %d bytes", method, req.URL.Path, maxAnswer)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return ParseError(resp.StatusCode, data)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("%s %s: the answer is not in the form of the Batch API: %v", method, req.URL.Path, err)
	}
	return nil
}
