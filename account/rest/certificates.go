package rest

import (
	"net/http"

	"poolcert/account"
	"poolcert/batch"
)

// Certificate operations, reference section 2.

var certificateFields = fields{"state": word, "thumbprint": word, "stateTransitionTime": moment}

var certificateProperties = []string{
	"thumbprint", "thumbprintAlgorithm", "url", "state", "stateTransitionTime", "previousState",
	"previousStateTransitionTime", "publicData", "deleteCertificateError",
	"poolcert:hasPrivateKey", "poolcert:name", "poolcert:nameState",
}

func certificatePath(tp batch.Thumbprint) string {
	return "/certificates(thumbprintAlgorithm=" + batch.SHA1 + ",thumbprint=" + tp.String() + ")"
}

func addCertificate(c *call) error {
	body, err := c.body(maxCertificateBody)
	if err != nil {
		return err
	}
	add, err := body.certificate()
	if err != nil {
		return err
	}
	c.record.Thumbprint, c.record.Name = add.Thumbprint.String(), string(add.Name)
	if err := c.service.AddCertificate(c.ctx(), c.account, add); err != nil {
		return err
	}
	// The real service spells the names so in this one place.
	location := c.base + "/certificates(ThumbprintAlgorithm=" + batch.SHA1 + ",Thumbprint=" + add.Thumbprint.String() + ")"
	c.w.Header().Set("DataServiceId", location)
	c.w.Header().Set("Location", location)
	return c.empty(http.StatusCreated)
}

func (o object) certificate() (*batch.AddCertificate, error) {
	if err := o.only("thumbprint", "thumbprintAlgorithm", "data", "certificateFormat", "password", "poolcert:name"); err != nil {
		return nil, err
	}
	add := &batch.AddCertificate{ThumbprintAlgorithm: batch.SHA1}
	var err error
	if add.Thumbprint, err = o.thumbprint(); err != nil {
		return nil, err
	}
	if err := o.require("data"); err != nil {
		return nil, err
	}
	if add.Data, err = o.text("data"); err != nil {
		return nil, err
	}
	if err := o.parse("certificateFormat", &add.Format); err != nil {
		return nil, err
	}
	if err := o.parse("poolcert:name", &add.Name); err != nil {
		return nil, err
	}
	password, err := o.text("password")
	add.Password = batch.Password(password)
	return add, err
}

func listCertificates(c *call) error {
	if err := c.params.checkSelect(certificateProperties...); err != nil {
		return err
	}
	filter, err := parseFilter(c.params.filter, certificateFields)
	if err != nil {
		return err
	}
	return sendPage(list{call: c, name: "certificates", path: "/certificates"},
		func(after string, limit int) ([]batch.Certificate, bool, error) {
			query := account.CertificateQuery{Limit: limit, Filter: filter}
			if after != "" {
				tp, err := batch.ParseThumbprint(after)
				if err != nil {
					return nil, false, badParam("$skiptoken", c.params.skipToken, "it names no certificate")
				}
				query.After = &tp
			}
			return c.service.Certificates(c.ctx(), c.account, query)
		},
		func(cert *batch.Certificate) string {
			cert.URL = c.base + certificatePath(cert.Thumbprint)
			return cert.Thumbprint.String()
		})
}

func showCertificate(c *call) error {
	tp, err := parseCertificateKey(c.args[0])
	if err != nil {
		return err
	}
	if err := c.params.checkSelect(certificateProperties...); err != nil {
		return err
	}
	cert, err := c.service.Certificate(c.ctx(), c.account, tp)
	if err != nil {
		return err
	}
	shown := *cert
	shown.Metadata = c.base + "/$metadata#certificates/@Element"
	shown.URL = c.base + certificatePath(tp)
	return c.entity(&shown)
}

func deleteCertificate(c *call) error {
	tp, err := parseCertificateKey(c.args[0])
	if err != nil {
		return err
	}
	if err := c.service.DeleteCertificate(c.ctx(), c.account, tp); err != nil {
		return err
	}
	return c.empty(http.StatusAccepted)
}

func cancelDeletion(c *call) error {
	tp, err := parseCertificateKey(c.args[0])
	if err != nil {
		return err
	}
	if err := c.service.CancelDeletion(c.ctx(), c.account, tp); err != nil {
		return err
	}
	c.w.Header().Set("DataServiceId", c.base+certificatePath(tp)+"/canceldelete")
	return c.empty(http.StatusNoContent)
}
