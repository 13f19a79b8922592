package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"poolcert/account"
	"poolcert/batch"
)

// skipTokenVersion begins the binary form of a token. It changes with the order
// of a list.
const skipTokenVersion = 1

// A scope is what a skip token is good for: the continuation of one list with
// one filter, in one account.
type scope struct {
	acct   *account.Account
	list   string // the path of the list
	filter string
}

// token returns the $skiptoken that continues after the element with that key:
// version, key, and an HMAC of these and the scope under the account's primary
// key, so that all replicas read it and no other account's token is taken.
func (s scope) token(after string) string {
	data := append([]byte{skipTokenVersion}, after...)
	return base64.RawURLEncoding.EncodeToString(append(data, s.mac(s.acct.Keys[0], data)...))
}

// after returns the key in a token that [scope.token] made for the same scope. A
// token outlives the rotation of one of the two keys only if made with the other.
func (s scope) after(token string) (string, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil && len(data) > 1+sha256.Size && data[0] == skipTokenVersion {
		data, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
		for _, key := range s.acct.Keys {
			if hmac.Equal(s.mac(key, data), sum) {
				return string(data[1:]), nil
			}
		}
	}
	return "", badParam("$skiptoken", token, "it was not made by this service for this list")
}

func (s scope) mac(key batch.Key, data []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, field := range [][]byte{[]byte("poolcert skiptoken"), []byte(s.acct.Name), []byte(s.list), []byte(s.filter), data} {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(field)))
		mac.Write(size[:])
		mac.Write(field)
	}
	return mac.Sum(nil)
}
