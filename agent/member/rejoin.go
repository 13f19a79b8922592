package member

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"poolcert/internal/filetrust"
	"poolcert/internal/nodeapi"
)

// errNoToken means that a node which the service does not know has no join token
// to become a member again by itself.
var errNoToken = errors.New("no join_token_file is configured")

// IsRevoked tells the one refusal that takes a node's certificates away. Nothing
// else does: not a 5xx, not a 404 by a proxy, not a refused handshake.
func IsRevoked(err error) bool { return nodeapi.Refused(err, nodeapi.CodeNodeRevoked) }

// IsUnknown tells the refusal of a service that does not know the node, and does
// not say that it evicted it: its database may have been restored from a backup
// which is older than the node. That takes nothing away.
func IsUnknown(err error) bool { return nodeapi.Refused(err, nodeapi.CodeNodeUnknown) }

// Rejoin makes the node a member again by the configured join token, with the keys
// and the name that it has, and so as the same node. Nothing on the node changes.
func (s *Service) Rejoin(ctx context.Context) error {
	if s.tokenFile == "" {
		return errNoToken
	}
	token, err := loadToken(s.tokenFile)
	if err != nil {
		return err
	}
	old := s.Identity()
	if s.server != "" {
		token.URL = s.server
	}
	if !token.Trusts(old.CA) {
		return fmt.Errorf("join_token_file: the token is of a service with another CA; run 'poolcert-agent join --force TOKEN' to move the node there")
	}
	// Moving to another pool is for a person to decide. The service refuses such a token:
	// if the node joined and left again, it would be one that left, which keeps nothing.
	id, err := enroll(ctx, token, old.keys, &nodeapi.EnrollRequest{NodeName: old.Name(), Account: old.Account, Pool: old.Pool})
	if err != nil {
		return fmt.Errorf("join_token_file: %w", err)
	}
	if !id.IsNode(old) {
		return fmt.Errorf("join_token_file: the service made this node %s of pool %s of account %s; it is node %s of pool %s of account %s",
			id.Node, id.Pool, id.Account, old.Node, old.Pool, old.Account)
	}
	if s.server != "" {
		id.Server = old.Server
	}
	if err := id.Save(s.state); err != nil {
		return err
	}
	s.connect(id)
	return nil
}

// IsNode tells whether id is the same node of the same pool as other.
func (id *Identity) IsNode(other *Identity) bool {
	return strings.EqualFold(id.Account, other.Account) && strings.EqualFold(id.Pool, other.Pool) && id.Node == other.Node
}

// Name is what the node called itself when it joined, as far as its id tells: the id
// ends in a hyphen and ten digits.
func (id *Identity) Name() string {
	if i := strings.LastIndexByte(id.Node, '-'); i > 0 {
		return id.Node[:i]
	}
	return id.Node
}

// maxTokenFile is far more than a token has.
const maxTokenFile = 4096

// loadToken reads a join token from a file that only the agent's user may read.
func loadToken(path string) (*nodeapi.Token, error) {
	f, err := filetrust.Open(path)
	if err != nil {
		return nil, fmt.Errorf("join_token_file %s: %w", path, filetrust.Reason(err))
	}
	defer f.Close()
	// Of the open file, which nobody can exchange before it is read.
	if err := errors.Join(filetrust.CheckSecret(f), filetrust.CheckFolders(path)); err != nil {
		return nil, fmt.Errorf("join_token_file %s: %w", path, filetrust.Reason(err))
	}
	text, err := filetrust.ReadAll(f, maxTokenFile)
	if err != nil {
		return nil, fmt.Errorf("join_token_file: %w", err)
	}
	token, err := nodeapi.ParseToken(string(text))
	if err != nil {
		return nil, fmt.Errorf("join_token_file %s: %w", path, err)
	}
	return token, nil
}
