package batch

import (
	"encoding/base64"
	"log/slog"
)

// MaxCertificateData is the limit of [AddCertificate].Data in bytes of base64
// text (reference section 2.4: 10KB).
const MaxCertificateData = 10 << 10

// A CertificateFormat says what [AddCertificate].Data holds.
type CertificateFormat string

// The formats of certificate data. Absent means PFX.
const (
	FormatPFX CertificateFormat = "pfx"
	FormatCER CertificateFormat = "cer"
)

// UnmarshalText accepts any letter case.
func (f *CertificateFormat) UnmarshalText(text []byte) error {
	v, err := parseEnum("certificateFormat", text, FormatPFX, FormatCER)
	*f = v
	return err
}

// A CertificateState is a stage of a certificate's life (reference section 4).
type CertificateState string

// The states of a certificate.
const (
	StateActive       CertificateState = "active"
	StateDeleting     CertificateState = "deleting"
	StateDeleteFailed CertificateState = "deletefailed"
)

// A Password opens a PFX. It hides itself from formatting and logs; JSON holds
// it in the clear, since the wire needs it.
type Password string

// String hides the password.
func (Password) String() string { return "[hidden]" }

// GoString hides the password.
func (Password) GoString() string { return "[hidden]" }

// LogValue hides the password.
func (Password) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// AddCertificate is the body of the add operation (CertificateAddParameter,
// reference section 2.4). Data is the base64 text of a PFX or a certificate.
type AddCertificate struct {
	Thumbprint          Thumbprint        `json:"thumbprint"`
	ThumbprintAlgorithm string            `json:"thumbprintAlgorithm"`
	Data                string            `json:"data"`
	Format              CertificateFormat `json:"certificateFormat,omitempty"`
	Password            Password          `json:"password,omitempty"`

	// Name, if set, is the name for which the certificate then stands, in place of the
	// one before.
	Name CertificateName `json:"poolcert:name,omitempty"`
}

// A Certificate is what the account tells of one (reference section 2.5). It
// never holds private data.
type Certificate struct {
	Metadata            string           `json:"odata.metadata,omitempty"`
	Thumbprint          Thumbprint       `json:"thumbprint"`
	ThumbprintAlgorithm string           `json:"thumbprintAlgorithm"`
	URL                 string           `json:"url"`
	State               CertificateState `json:"state"`
	StateTransitionTime Time             `json:"stateTransitionTime"`
	// The previous state is absent in the first active state.
	PreviousState               CertificateState        `json:"previousState,omitempty"`
	PreviousStateTransitionTime *Time                   `json:"previousStateTransitionTime,omitempty"`
	PublicData                  string                  `json:"publicData,omitempty"` // base64 DER
	DeleteCertificateError      *DeleteCertificateError `json:"deleteCertificateError,omitempty"`

	// HasPrivateKey tells whether nodes get a private key with it, and so can open
	// what is sealed to it. Batch does not tell; nil means that it is not known.
	HasPrivateKey *bool `json:"poolcert:hasPrivateKey,omitempty"`

	// Name is under which it was added; empty: none.
	Name CertificateName `json:"poolcert:name,omitempty"`

	// NameState is what it is to its name.
	NameState NameState `json:"poolcert:nameState,omitempty"`
}

// DER returns the public certificate.
func (c *Certificate) DER() ([]byte, error) { return base64.StdEncoding.DecodeString(c.PublicData) }

// CodePoolsReferencingCertificate is the code of a [DeleteCertificateError].
const CodePoolsReferencingCertificate = "PoolsReferencingCertificate"

// A DeleteCertificateError says who still uses a certificate in the state
// deletefailed.
type DeleteCertificateError struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Values  []NameValue `json:"values,omitempty"`
}

// A NameValue is a detail of a [DeleteCertificateError]; HTTP errors use
// [KeyValue] instead.
type NameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
