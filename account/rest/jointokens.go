package rest

import (
	"math"
	"net/http"

	"poolcert/batch"
)

// Join tokens, poolcert's own (docs/protocol.md).

type joinTokenBody struct {
	Metadata string `json:"odata.metadata"`
	*batch.JoinToken
}

func addJoinToken(c *call) error {
	body, err := c.body(maxActionBody)
	if err != nil {
		return err
	}
	if err := body.only("ttlSeconds", "uses"); err != nil {
		return err
	}
	if err := body.require("ttlSeconds"); err != nil {
		return err
	}
	ttl, err := body.whole("ttlSeconds")
	if err != nil {
		return err
	}
	add := batch.AddJoinToken{TTL: *ttl}
	uses, err := body.whole("uses")
	if err != nil {
		return err
	}
	if uses != nil {
		n := int(min(*uses, math.MaxInt32)) // the service has its own bounds
		add.Uses = &n
	}
	token, err := c.service.AddJoinToken(c.ctx(), c.account, c.args[0], add)
	if err != nil {
		return err
	}
	c.record.Token = token.ID
	// No cache on the way keeps the token.
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, joinTokenBody{c.base + "/$metadata#jointokens/@Element", token})
}

func listJoinTokens(c *call) error {
	tokens, err := c.service.JoinTokens(c.ctx(), c.account, c.args[0])
	if err != nil {
		return err
	}
	page := list{call: c, name: "jointokens"}
	for i := range tokens {
		if err := page.add(&tokens[i]); err != nil {
			return err
		}
	}
	return page.answer("")
}

func revokeJoinToken(c *call) error {
	if err := c.service.RevokeJoinToken(c.ctx(), c.account, c.args[0], c.args[1]); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
