package rest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"poolcert/account"
	"poolcert/account/oidc"
	"poolcert/account/request"
	"poolcert/batch"
)

// errSilent marks refusals of which the log is told in another place, or must not
// be told for each request.
var errSilent = errors.New("not for the log")

// bearer returns the token of an Authorization header (RFC 6750, section 2.1).
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// authenticateToken finds the account that a token may act on, and whether its role
// allows the method. What is wrong with a token goes to the log; the client is told
// no more than that it has expired, which only who had a good one hears.
func (c *call) authenticateToken(token string) error {
	if c.signIn.Verifier == nil {
		return batch.NewError(batch.CodeInvalidAuthenticationInfo, "This service accepts no tokens. Use the key of the account.")
	}
	who, err := c.signIn.Verifier.Verify(c.ctx(), token)
	switch {
	case errors.Is(err, oidc.ErrUnavailable):
		c.w.Header().Set("Retry-After", "5")
		return fmt.Errorf("%w: %w", errSilent, batch.NewError(batch.CodeServerBusy,
			"The token can't be checked now, as the issuer of tokens doesn't answer this service. Please retry your request."))
	case errors.Is(err, oidc.ErrExpired):
		return c.refuseToken("The token has expired", err)
	case errors.Is(err, oidc.ErrToken):
		return c.refuseToken("The token is not valid for this service", err)
	case err != nil:
		return err
	}
	c.record.Auth, c.record.Who = request.OIDC, clip(who.Subject, maxRecorded)
	name, err := c.chooseAccount(who.Roles)
	if err != nil {
		return fmt.Errorf("%w: subject %q (%s)", err, who.Subject, who.Name)
	}
	c.record.Account = name
	if need := roleFor(c.r.Method); who.Roles[name] < need {
		return c.forbid(fmt.Sprintf("In the account %s you are a %s. This needs the role %s", name, who.Roles[name], need))
	}
	c.account, err = c.service.Account(c.ctx(), name)
	if errors.Is(err, account.ErrNoAccount) {
		return fmt.Errorf("%w: a rule is for the account %q, which does not exist", c.forbid("The token allows nothing in this account"), name)
	}
	return err
}

// roleFor is the least role that may use a method.
func roleFor(method string) oidc.Role {
	if method == http.MethodGet || method == http.MethodHead {
		return oidc.Reader
	}
	return oidc.Contributor
}

// chooseAccount returns the account that a request is for: the one in its header,
// else the one that its host begins with, as in Azure's account URLs, else the only
// one that the token allows. It never guesses.
func (c *call) chooseAccount(roles map[string]oidc.Role) (string, error) {
	name := c.r.Header.Get(batch.AccountHeader)
	if name == "" {
		name = c.hostAccount()
	}
	switch {
	case name == "" && len(roles) == 1:
		for only := range roles {
			return only, nil
		}
	case name == "" && len(roles) > 1:
		return "", c.forbid("The token is good for several accounts. Name one in the header " + batch.AccountHeader)
	case name != "" && roles[name] != oidc.None:
		return name, nil
	}
	return "", c.forbid("The token allows nothing in this account")
}

// hostAccount is the first label of the host by which the client called, if a rule
// is for an account of that name.
func (c *call) hostAccount() string {
	host := c.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	label, _, more := strings.Cut(strings.ToLower(host), ".")
	if !more || net.ParseIP(host) != nil || !c.signIn.Verifier.Mentions(label) {
		return ""
	}
	return label
}

// refuseToken answers 401 (RFC 6750, section 3). The cause is for the log.
func (c *call) refuseToken(detail string, cause error) error {
	c.w.Header().Set("WWW-Authenticate", `Bearer realm="poolcert", error="invalid_token", error_description="`+detail+`"`)
	refusal := refuse(detail)
	refusal.Status = http.StatusUnauthorized // 403 is for signatures
	return fmt.Errorf("%w: %w", refusal, cause)
}

func (c *call) forbid(detail string) error {
	c.w.Header().Set("WWW-Authenticate", `Bearer realm="poolcert", error="insufficient_scope"`)
	return batch.NewError(batch.CodeInsufficientPermissions,
		"The account being accessed does not have sufficient permissions to execute this operation.", "Reason", detail)
}
