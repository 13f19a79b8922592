package rest

import (
	"errors"
	"fmt"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/batch"
)

// nobody's key: checking a signature for no account takes as long as for one.
var absentKeys = []batch.Key{make(batch.Key, 64), make(batch.Key, 64)}

// authenticate finds the account that signed the request (reference section
// 7.1). An unknown account and a wrong signature look alike; a stale date is told
// only to who has a key.
func (c *call) authenticate() error {
	header := c.r.Header.Get("Authorization")
	if header == "" {
		return batch.NewError(batch.CodeMissingRequiredHeader,
			"An HTTP header that's mandatory for this request is not specified.", "HeaderName", "Authorization")
	}
	if token, ok := bearer(header); ok {
		return c.authenticateToken(token)
	}
	name, sig, err := batch.ParseAuthorization(header)
	if err != nil {
		return batch.NewError(batch.CodeInvalidAuthenticationInfo,
			"The authentication information was not provided in the correct format. Verify the value of Authorization header.")
	}
	c.record.Account = clip(name, maxRecorded)
	acct, err := c.service.Account(c.ctx(), name)
	keys := absentKeys
	switch {
	case err == nil:
		keys = acct.Keys
	case !errors.Is(err, account.ErrNoAccount):
		return err
	}
	if !batch.Verify(c.r, name, sig, keys...) || acct == nil {
		return refuse("The account is unknown, or the signature is not what its keys give for this request" + c.signedText(name))
	}
	date, err := batch.RequestDate(c.r)
	if err != nil {
		return refuse("The request has no readable date: " + err.Error())
	}
	if skew := time.Since(date).Abs(); skew > batch.MaxClockSkew {
		return refuse("The date of the request, " + date.Format(time.RFC3339) + ", is more than 15 minutes from the clock of the service, " +
			time.Now().UTC().Format(time.RFC3339))
	}
	c.account = acct
	c.record.Auth, c.record.Who = request.Key, string(account.PrimaryKey)
	if !batch.Verify(c.r, name, sig, keys[0]) {
		c.record.Who = string(account.SecondaryKey)
	}
	return nil
}

// signedText ends the detail of a refusal with what was to be signed, when asked
// to.
func (c *call) signedText(account string) string {
	if !c.debugAuth {
		return ""
	}
	text, err := batch.StringToSign(c.r, account)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(". The text to sign is %q", clip(text, 2000))
}

func refuse(detail string) *batch.Error {
	return batch.NewError(batch.CodeAuthenticationFailed,
		"Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
		"AuthenticationErrorDetail", detail)
}
