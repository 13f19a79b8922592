package local

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
	"poolcert/internal/localsock"
)

// A Client asks the node's decrypt service. It is safe for concurrent use.
//
// It speaks to a service of root or of this process's user only, and tries for 30
// seconds when the service is busy, and for 8 when it is away or cuts connections:
// systemd starts one that crashed after 5. One that takes a request and does not answer
// has 70 seconds for it, or two minutes for a large message. Where there is not even the
// folder of the socket, or on Windows %ProgramData%\poolcert, it fails at once.
//
// Its errors are *[Error], or wrap [ErrUnavailable] when no service answers and
// [ErrNotAllowed] when the socket may not be opened. Errors with code
// no-recipient are *[cms.NoRecipientError] from Unwrap, and
// *[jwe.NoRecipientError] from UnwrapJWE.
type Client struct {
	// Waiting, if not nil, is called when a call has no answer after two seconds. Set it
	// before the first one; calls at the same time have it called at the same time.
	Waiting func()

	path string
	http *http.Client
}

// Dial returns a client of the service on the socket at path. It connects when
// it is used.
func Dial(path string) *Client {
	c := &Client{path: path}
	c.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.dial(ctx)
		},
		MaxConnsPerHost:       connectionsOfUser / 2, // the user has other processes, too
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       idleTime / 2, // before the server does
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
	}}
	return c
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Unwrap implements [cms.Unwrapper].
func (c *Client) Unwrap(ctx context.Context, w *cms.WrappedKey) ([]byte, error) {
	var u unwrapped
	err := c.use(ctx, typeCMS, w, &u)
	if errors.Is(err, cms.ErrNoRecipient) {
		err = &cms.NoRecipientError{Recipients: w.Recipients}
	}
	return u.ContentEncryptionKey, err
}

// UnwrapJWE implements [jwe.Unwrapper].
func (c *Client) UnwrapJWE(ctx context.Context, w *jwe.WrappedKey) ([][]byte, error) {
	var u unwrappedJWE
	err := c.use(ctx, typeJWE, w, &u)
	if errors.Is(err, cms.ErrNoRecipient) {
		err = &jwe.NoRecipientError{Recipients: w.Recipients}
	}
	return u.ContentEncryptionKeys, err
}

// OpenRSA implements [decrypt.RSAOpener].
func (c *Client) OpenRSA(ctx context.Context, b *decrypt.RSABlock) ([]byte, error) {
	var o openedRSA
	err := c.use(ctx, typeRSA, b, &o)
	return o.Content, err
}

// use has the service use a private key on what opens a message.
func (c *Client) use(ctx context.Context, mediaType string, what encoding.BinaryMarshaler, answer any) error {
	data, err := what.MarshalBinary()
	if err != nil {
		return err
	}
	return c.callJSON(ctx, http.MethodPost, "/v1/unwrap", mediaType, data, answer)
}

// Decrypt sends a whole message, of at most [MaxMessage] bytes, and returns its
// content. For large ones decrypt.Decrypt with c as its Unwrapper is faster, and
// needs less memory on both sides.
func (c *Client) Decrypt(ctx context.Context, message io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(message, MaxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("%w: the service takes at most %d bytes", ErrTooLarge, MaxMessage)
	}
	return c.call(ctx, http.MethodPost, "/v1/decrypt", typeCMS, data)
}

// Certificates returns what this process may use.
func (c *Client) Certificates(ctx context.Context) ([]Certificate, error) {
	var list certificateList
	err := c.callJSON(ctx, http.MethodGet, "/v1/certificates", "", nil, &list)
	return list.Certificates, err
}

// Whoami returns what the service sees of this process. It works for those who may
// use nothing.
func (c *Client) Whoami(ctx context.Context) (*Identity, error) {
	var identity Identity
	err := c.callJSON(ctx, http.MethodGet, "/v1/whoami", "", nil, &identity)
	if err != nil {
		return nil, err
	}
	return &identity, nil
}

// Healthy returns nil when the service answers. It tries once.
func (c *Client) Healthy(ctx context.Context) error {
	_, err := c.try(ctx, http.MethodGet, "/healthz", "", nil)
	return err
}

// Ready returns nil when the service says that it is ready, else an error that
// wraps [ErrNotReady] or [ErrUnavailable]. It tries once.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.try(ctx, http.MethodGet, "/readyz", "", nil)
	return err
}

func (c *Client) callJSON(ctx context.Context, method, path, mediaType string, body []byte, v any) error {
	data, err := c.call(ctx, method, path, mediaType, body)
	if err != nil {
		return err
	}
	defer clear(data)
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: its answer to %s is not what this program expects", ErrInternal, path)
	}
	return nil
}

// How long a request is sent again when the service is there, but has no room, and
// when nobody listens, or who listens ends at once. Hundreds of tasks start at once, and
// each would rather wait; a service that can't start will not come.
const (
	busyTime = 30 * time.Second
	awayTime = 8 * time.Second
)

const patience = 2 * time.Second // before a person is told

// call sends one request, again if it must, and returns the whole answer.
func (c *Client) call(ctx context.Context, method, path, mediaType string, body []byte) ([]byte, error) {
	begin := time.Now()
	if c.Waiting != nil {
		defer time.AfterFunc(patience, c.Waiting).Stop()
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		data, err := c.try(ctx, method, path, mediaType, body)
		var left time.Duration
		switch {
		case errors.Is(err, errAway), errors.Is(err, errGone), errors.Is(err, errBroken):
			left = awayTime - time.Since(begin)
		case errors.Is(err, errFull), errors.Is(err, ErrBusy):
			left = busyTime - time.Since(begin)
		}
		if left <= 0 {
			return data, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

var (
	// errBroken is wrapped for a connection that ended without an answer.
	errBroken = errors.New("the connection broke")

	// These are wrapped when no process listens, but seems to have listened before:
	// it may be restarting.
	errAway = errors.New("no process listens")
	errGone = errors.New("there is no socket any more, or not yet")

	// errFull is wrapped when as many callers wait for the service as the system lets.
	errFull = errors.New("its queue of callers is full")
)

// answerLimit is how long one request may take, from its connection to the end of its
// answer. A server needs less: one that takes longer hangs, or was stopped.
func answerLimit(body []byte) time.Duration {
	if len(body) <= smallBody {
		return smallBodyTime + answerTime
	}
	return bodyTime + answerTime
}

// try sends one request and returns the whole answer.
func (c *Client) try(ctx context.Context, method, path, mediaType string, body []byte) ([]byte, error) {
	limit := answerLimit(body)
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	data, err := c.tryOnce(bounded, method, path, mediaType, body)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w at %s: no answer within %v", ErrUnavailable, c.path, limit)
	}
	return data, err
}

func (c *Client) tryOnce(ctx context.Context, method, path, mediaType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	// No request changes anything, so that it may be sent again when the service
	// was restarted and a kept connection is dead. The empty header is not sent.
	req.Header["Idempotency-Key"] = nil
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	if len(body) > smallBody {
		req.Header.Set("Expect", "100-continue") // a refusal saves sending it
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unavailable(ctx, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage+1))
	if err != nil {
		return nil, c.unavailable(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return data, nil
	}
	var e Error
	if err := json.Unmarshal(data, &e); err != nil || e.Code == "" {
		return nil, fmt.Errorf("%w: status %d", ErrInternal, resp.StatusCode)
	}
	return nil, &e
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	conn, err := localsock.Dial(ctx, c.path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, &RefusedError{"this process may not open " + c.path}
	}
	if err != nil {
		return nil, err
	}
	return newListening(conn), nil
}

// unavailable tells a service that is not there, or went away, from a caller who
// gave up.
func (c *Client) unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, ErrNotAllowed) {
		return err
	}
	why, cause := errBroken, causeOf(err)
	switch {
	case errors.Is(err, localsock.ErrUntrusted), errors.As(err, new(*net.AddrError)):
		return fmt.Errorf("%w at %s: %w", ErrUnavailable, c.path, cause)
	case errors.Is(err, fs.ErrNotExist):
		if why = errGone; !mayCome(c.path) {
			why = errors.New("there is no socket")
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		why = errAway
	case errors.Is(err, localsock.ErrFull):
		why = errFull
	}
	return fmt.Errorf("%w at %s: %w (%w)", ErrUnavailable, c.path, why, cause)
}

// causeOf leaves out the URL of a request and the steps of a dial, which say nothing to
// people.
func causeOf(err error) error {
	for {
		var request *url.Error
		var dial *net.OpError
		if errors.As(err, &request) {
			err = request.Err
		} else if errors.As(err, &dial) {
			err = dial.Err
		} else {
			return err
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
