package member

import (
	"context"
	"net/http"
	"time"

	"poolcert/internal/nodeapi"
)

// standingTime bounds the wait for a service that may be gone for good.
const standingTime = 15 * time.Second

// Standing asks the service whether it knows the node: nil if it does, and an error that
// [IsRevoked] or [IsUnknown] tells if it does not. It asks for a renewal, since that is
// answered whatever the age of the node's certificate.
func (id *Identity) Standing(ctx context.Context) error {
	return id.call(ctx, http.MethodPost, nodeapi.PathRenew)
}

// SignOff has the service forget the node. It is no error that the service has done so
// before.
func (id *Identity) SignOff(ctx context.Context) error {
	err := id.call(ctx, http.MethodDelete, nodeapi.PathNode)
	if IsRevoked(err) || IsUnknown(err) {
		return nil
	}
	return err
}

// call makes one request with a connection of its own.
func (id *Identity) call(ctx context.Context, method, path string) error {
	ctx, cancel := context.WithTimeout(ctx, standingTime)
	defer cancel()
	c := newClient(id.Server, nodeTLS(id))
	defer c.close()
	return c.call(ctx, method, path, nil, nil)
}

// Reach makes a request as the node to a server, which may be another one than the
// Service, and returns the header of whatever answers.
func (id *Identity) Reach(ctx context.Context, server string) (http.Header, error) {
	c := newClient(server, nodeTLS(id))
	defer c.close()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/", nil) // any answer will do
	if err != nil {
		return nil, err
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	return response.Header, nil
}
