package batch

// A JoinToken lets nodes join a pool. It is poolcert's addition to the Batch
// API (docs/protocol.md). Token, the text that a node needs, is present only in
// the answer that created it: the account keeps a hash.
type JoinToken struct {
	ID      string `json:"id"`
	Pool    string `json:"pool"`
	Token   string `json:"token,omitempty"`
	Created Time   `json:"creationTime"`
	Expires Time   `json:"expirationTime"`
	// UsesLeft is how many more nodes may join; nil means no limit.
	UsesLeft *int `json:"usesLeft,omitempty"`
}

// AddJoinToken is the body that creates a token. TTL is in seconds, 1 minute to
// 365 days; Uses is at least 1, or absent for no limit.
type AddJoinToken struct {
	TTL  int64 `json:"ttlSeconds"`
	Uses *int  `json:"uses,omitempty"`
}
