package member

import (
	"encoding/json"
	"fmt"

	"poolcert/agent/statedir"
	"poolcert/internal/dpapi"
	"poolcert/internal/nodeapi"
)

// joiningJSON is the content of joining.json: the keys of a join that the
// service may have accepted without our hearing of it.
type joiningJSON struct {
	Server  string `json:"server"`
	TokenID string `json:"tokenId"`
	storedKeys
}

func (j *joiningJSON) purpose() dpapi.Purpose { return dpapi.Purpose{"joining", j.Server, j.TokenID} }

// JoiningKeys returns the keys to join with: those of an earlier try with the
// same token, else new ones, which are stored first.
func JoiningKeys(s *statedir.Dir, token *nodeapi.Token) (*Keys, error) {
	var j joiningJSON
	data, err := s.Read(statedir.JoiningFile, maxStored)
	if err == nil && json.Unmarshal(data, &j) == nil && j.Server == token.URL && j.TokenID == token.IDText() {
		if keys, err := j.load(keyMachine(), j.purpose()); err == nil {
			return keys, nil
		}
	}
	keys, err := newKeys()
	if err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	j = joiningJSON{Server: token.URL, TokenID: token.IDText()}
	if j.storedKeys, err = keys.store(keyMachine(), j.purpose()); err != nil {
		return nil, err
	}
	if data, err = json.Marshal(&j); err != nil {
		return nil, err
	}
	if err := s.Write(statedir.JoiningFile, data); err != nil {
		return nil, fmt.Errorf("store keys: %w", err)
	}
	return keys, nil
}
