package rest

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"poolcert/batch"
	"poolcert/internal/limit"
)

// Limits bound what one account and one address may ask for. Zero is no limit. An
// address is an IPv4 address or an IPv6 network of 64 bits.
type Limits struct {
	// AccountRate and AddressRate are requests a second; ten times as many may come
	// at once.
	AccountRate, AddressRate float64

	// FailureRate is how many refused authentications a minute an address is
	// answered and the log is told of; as many may come at once. Further ones are
	// told to come back later. A request that is authentic is never refused for its
	// neighbours' failures.
	FailureRate float64
}

// burst is how many seconds' worth of requests may come at once: a script adds
// thousands of certificates in a row.
const burst = 10

// limiters count what Limits bound.
type limiters struct {
	accounts, addresses, failures *limit.Rates
	complaints                    *limit.Rates
}

func newLimiters(l Limits) limiters {
	return limiters{
		accounts:   limit.NewRates(l.AccountRate, int(burst*l.AccountRate)),
		addresses:  limit.NewRates(l.AddressRate, int(burst*l.AddressRate)),
		failures:   limit.NewRates(l.FailureRate/60, int(l.FailureRate)),
		complaints: limit.NewRates(1.0/60, 1),
	}
}

// admit lets a request pass that is authentic and within the limits. No body is
// read and no path is looked at before.
func (c *call) admit() error {
	address := limit.Network(c.r.RemoteAddr)
	if wait := c.limits.addresses.Take(address, time.Now()); wait > 0 {
		return c.throttle(wait, "address", address)
	}
	if c.r.URL.Path == batch.SignInPath {
		return nil
	}
	if err := c.authenticate(); err != nil {
		return c.countFailure(err, address)
	}
	if wait := c.limits.accounts.Take(c.account.Name, time.Now()); wait > 0 {
		return c.throttle(wait, "account", c.account.Name)
	}
	return nil
}

// countFailure tells the log of a request whose maker is not known, or may not do
// what it asks for, and hinders addresses from which many of the first kind come.
func (c *call) countFailure(err error, address string) error {
	var refusal *batch.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Code {
	case batch.CodeMissingRequiredHeader, batch.CodeInvalidAuthenticationInfo, batch.CodeAuthenticationFailed:
		c.record.Unproven = true
		if wait := c.limits.failures.Take(address, time.Now()); wait > 0 {
			return c.throttle(wait, "failures of address", address)
		}
		c.log.InfoContext(c.ctx(), "authentication refused", "remote", c.r.RemoteAddr, "err", err)
	case batch.CodeInsufficientPermissions:
		if c.limits.complaints.Take("subject "+c.record.Who, time.Now()) == 0 {
			c.log.InfoContext(c.ctx(), "request forbidden", "remote", c.r.RemoteAddr, "err", err)
		}
	}
	return err
}

// throttle refuses a request for now. The API has one code for that: its clients try
// again on 503, where npm @azure/batch gives up on 429. The log hears of it once a
// minute.
func (c *call) throttle(wait time.Duration, kind, who string) error {
	c.w.Header().Set("Retry-After", strconv.Itoa(limit.Seconds(wait)))
	if c.limits.complaints.Take(kind, time.Now()) == 0 {
		c.log.WarnContext(c.ctx(), "requests limited", "limit", kind, "of", who)
	}
	return fmt.Errorf("%w: %w", errSilent, batch.NewError(batch.CodeServerBusy,
		"The server is currently unable to receive requests. Please retry your request.", "Reason", "too many requests of this "+kind))
}
