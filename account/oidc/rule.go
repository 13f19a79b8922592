package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// A Role is what somebody may do in an account. The zero value is nothing; a
// greater role may do all that a smaller one may.
type Role int

// The roles.
const (
	None        Role = iota
	Reader           // look at everything that the API shows
	Contributor      // all that the account's key allows
)

var roleNames = map[Role]string{None: "none", Reader: "reader", Contributor: "contributor"}

func (r Role) String() string { return roleNames[r] }

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes the names of roles
// that a rule can give.
func (r *Role) UnmarshalText(text []byte) error {
	for role, name := range roleNames {
		if role != None && name == string(text) {
			*r = role
			return nil
		}
	}
	return fmt.Errorf("role %q is none of reader, contributor", text)
}

// A Rule gives a role in an account to tokens in which a claim has a value.
type Rule struct {
	// Claim names it, such as groups, email, sub, or, inside of other claims,
	// realm_access.roles. Its value is a text, or an array with it.
	Claim string `toml:"claim"`
	// Value is compared exactly.
	Value   string `toml:"value"`
	Role    Role   `toml:"role"`
	Account string `toml:"account"`
}

func (r Rule) check() error {
	switch {
	case r.Claim == "":
		return errors.New("claim is missing, such as \"groups\"")
	case r.Value == "":
		return errors.New("value is missing: what the claim has to hold")
	case r.Role == None:
		return errors.New("role is missing: \"reader\" or \"contributor\"")
	case r.Account == "":
		return errors.New("account is missing: the name of the account that the rule is for")
	}
	return nil
}

// checkIssuer accepts the URL of an issuer.
func checkIssuer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("issuer: %q is not the URL of an issuer", text)
	}
	if !private(u) {
		return fmt.Errorf("issuer: %q is not an https URL: whoever is in between could sign in as anybody", text)
	}
	return nil
}

// private reports whether nobody in between can change what the URL answers.
func private(u *url.URL) bool {
	loopback := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

// claims are the members of a token's payload.
type claims map[string]json.RawMessage

// roles applies the rules. The strongest role in each account wins.
func (c claims) roles(rules []Rule) map[string]Role {
	roles := make(map[string]Role)
	for _, rule := range rules {
		if slices.Contains(c.values(rule.Claim), rule.Value) {
			roles[rule.Account] = max(roles[rule.Account], rule.Role)
		}
	}
	return roles
}

// values returns the texts of a claim. An address counts only when the issuer says
// that it is verified: at many issuers people write it themselves.
func (c claims) values(name string) []string {
	if name == "email" {
		var verified bool
		if json.Unmarshal(c["email_verified"], &verified) != nil || !verified {
			return nil
		}
	}
	raw := c.find(name)
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []any
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	var texts []string
	for _, v := range many {
		if text, ok := v.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// find returns a claim, which may be inside of others: a.b is the member b of the
// claim a, unless there is a claim of the name a.b, as URLs are.
func (c claims) find(name string) json.RawMessage {
	if raw, ok := c[name]; ok {
		return raw
	}
	for i, b := range []byte(name) {
		if b != '.' {
			continue
		}
		var inner claims
		if raw, ok := c[name[:i]]; ok && json.Unmarshal(raw, &inner) == nil {
			if raw := inner.find(name[i+1:]); raw != nil {
				return raw
			}
		}
	}
	return nil
}

// name is for people: the first of the usual claims that is there.
func (c claims) name() string {
	for _, claim := range []string{"preferred_username", "upn", "email", "name", "client_id", "appid"} {
		var text string
		if json.Unmarshal(c[claim], &text) == nil && strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}
