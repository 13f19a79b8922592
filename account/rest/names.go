package rest

import (
	"net/http"
	"net/url"
	"strconv"

	"poolcert/account"
	"poolcert/batch"
)

// Names of certificates, poolcert's own (docs/batch-api.md).

var namedCertificateProperties = append([]string{"poolcert:addedTime", "poolcert:untilTime"}, certificateProperties...)

func namePath(name string) string { return "/certificatenames/" + url.PathEscape(name) }

func listNameHistory(c *call) error {
	if err := c.params.checkSelect(namedCertificateProperties...); err != nil {
		return err
	}
	name := batch.CertificateName(c.args[0])
	return sendPage(list{call: c, name: "certificates", path: namePath(c.args[0]) + "/certificates"},
		func(after string, limit int) ([]account.NameEntry, bool, error) {
			query := account.NameQuery{Name: name, Limit: limit}
			if after != "" {
				var err error
				if query.Before, err = strconv.ParseInt(after, 10, 64); err != nil {
					return nil, false, badParam("$skiptoken", c.params.skipToken, "it names no certificate")
				}
			}
			return c.service.NameHistory(c.ctx(), c.account, query)
		},
		func(entry *account.NameEntry) string {
			entry.URL = c.base + certificatePath(entry.Thumbprint)
			return strconv.FormatInt(entry.Revision, 10)
		})
}

func setCurrentCertificate(c *call) error {
	body, err := c.body(maxCertificateBody)
	if err != nil {
		return err
	}
	if err := body.only("thumbprint", "thumbprintAlgorithm", "replaces"); err != nil {
		return err
	}
	set := batch.SetCurrent{ThumbprintAlgorithm: batch.SHA1}
	if set.Thumbprint, err = body.thumbprint(); err != nil {
		return err
	}
	c.record.Thumbprint = set.Thumbprint.String()
	if err := body.parse("replaces", &set.Replaces); err != nil {
		return err
	}
	if err := c.service.SetCurrent(c.ctx(), c.account, batch.CertificateName(c.args[0]), set); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
