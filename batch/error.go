package batch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// An ErrorCode is the code of an [Error] (reference section 3).
type ErrorCode string

// The codes that the account service answers with.
const (
	CodeCertificateNotFound           ErrorCode = "CertificateNotFound"
	CodeCertificateExists             ErrorCode = "CertificateExists"
	CodeCertificateBeingDeleted       ErrorCode = "CertificateBeingDeleted"
	CodeCertificateStateActive        ErrorCode = "CertificateStateActive"
	CodeInvalidCertificateReferences  ErrorCode = "InvalidCertificateReferences"
	CodeInvalidPropertyValue          ErrorCode = "InvalidPropertyValue"
	CodeMissingRequiredProperty       ErrorCode = "MissingRequiredProperty"
	CodeInvalidRequestBody            ErrorCode = "InvalidRequestBody"
	CodeUnsupportedProperty           ErrorCode = "UnsupportedProperty"
	CodeRequestBodyTooLarge           ErrorCode = "RequestBodyTooLarge"
	CodeMissingRequiredHeader         ErrorCode = "MissingRequiredHeader"
	CodeInvalidHeaderValue            ErrorCode = "InvalidHeaderValue"
	CodeInvalidAuthenticationInfo     ErrorCode = "InvalidAuthenticationInfo"
	CodeAuthenticationFailed          ErrorCode = "AuthenticationFailed"
	CodeInsufficientPermissions       ErrorCode = "InsufficientAccountPermissions" // the role of a token
	CodeMissingRequiredQueryParameter ErrorCode = "MissingRequiredQueryParameter"
	CodeUnsupportedRequestVersion     ErrorCode = "UnsupportedRequestVersion"
	CodeInvalidQueryParameterValue    ErrorCode = "InvalidQueryParameterValue"
	CodeOutOfRangeQueryParameterValue ErrorCode = "OutOfRangeQueryParameterValue"
	CodeUnsupportedQueryParameter     ErrorCode = "UnsupportedQueryParameter"
	CodeUnsupportedHTTPVerb           ErrorCode = "UnsupportedHttpVerb"
	CodeInvalidURI                    ErrorCode = "InvalidUri"
	CodeResourceNotFound              ErrorCode = "ResourceNotFound"
	CodeMissingContentLengthHeader    ErrorCode = "MissingContentLengthHeader"
	CodePoolNotFound                  ErrorCode = "PoolNotFound"
	CodePoolExists                    ErrorCode = "PoolExists"
	CodePoolBeingDeleted              ErrorCode = "PoolBeingDeleted"
	CodeNodeNotFound                  ErrorCode = "NodeNotFound"
	CodeNodeStateUnusable             ErrorCode = "NodeStateUnusable"
	CodeConditionNotMet               ErrorCode = "ConditionNotMet"
	CodeMultipleConditionHeaders      ErrorCode = "MultipleConditionHeadersNotSupported"
	CodeOperationTimedOut             ErrorCode = "OperationTimedOut"
	CodeInternalError                 ErrorCode = "InternalError"
	CodeServerBusy                    ErrorCode = "ServerBusy"
	CodeTokenNotFound                 ErrorCode = "JoinTokenNotFound"       // poolcert's own
	CodeNameNotFound                  ErrorCode = "CertificateNameNotFound" // poolcert's own
)

var codeStatus = map[ErrorCode]int{
	CodeCertificateNotFound:           http.StatusNotFound,
	CodeCertificateExists:             http.StatusConflict,
	CodeCertificateBeingDeleted:       http.StatusConflict,
	CodeCertificateStateActive:        http.StatusConflict,
	CodeInvalidCertificateReferences:  http.StatusConflict,
	CodeInvalidPropertyValue:          http.StatusBadRequest,
	CodeMissingRequiredProperty:       http.StatusBadRequest,
	CodeInvalidRequestBody:            http.StatusBadRequest,
	CodeUnsupportedProperty:           http.StatusBadRequest,
	CodeRequestBodyTooLarge:           http.StatusRequestEntityTooLarge,
	CodeMissingRequiredHeader:         http.StatusBadRequest,
	CodeInvalidHeaderValue:            http.StatusBadRequest,
	CodeInvalidAuthenticationInfo:     http.StatusBadRequest,
	CodeAuthenticationFailed:          http.StatusForbidden,
	CodeInsufficientPermissions:       http.StatusForbidden,
	CodeMissingRequiredQueryParameter: http.StatusBadRequest,
	CodeUnsupportedRequestVersion:     http.StatusBadRequest,
	CodeInvalidQueryParameterValue:    http.StatusBadRequest,
	CodeOutOfRangeQueryParameterValue: http.StatusBadRequest,
	CodeUnsupportedQueryParameter:     http.StatusBadRequest,
	CodeUnsupportedHTTPVerb:           http.StatusMethodNotAllowed,
	CodeInvalidURI:                    http.StatusBadRequest,
	CodeResourceNotFound:              http.StatusNotFound,
	CodeMissingContentLengthHeader:    http.StatusLengthRequired,
	CodePoolNotFound:                  http.StatusNotFound,
	CodePoolExists:                    http.StatusConflict,
	CodePoolBeingDeleted:              http.StatusConflict,
	CodeNodeNotFound:                  http.StatusNotFound,
	CodeNodeStateUnusable:             http.StatusConflict,
	CodeConditionNotMet:               http.StatusPreconditionFailed,
	CodeMultipleConditionHeaders:      http.StatusBadRequest,
	CodeOperationTimedOut:             http.StatusInternalServerError,
	CodeInternalError:                 http.StatusInternalServerError,
	CodeServerBusy:                    http.StatusServiceUnavailable,
	CodeTokenNotFound:                 http.StatusNotFound,
	CodeNameNotFound:                  http.StatusNotFound,
}

// Status returns the HTTP status that goes with the code, 500 for an unknown one.
func (c ErrorCode) Status() int {
	if s, ok := codeStatus[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// A KeyValue is a detail of an [Error].
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// An Error is a refusal by the account service. The service makes it with
// [NewError]; the client returns it from every call that was refused.
type Error struct {
	Code    ErrorCode
	Status  int    // HTTP status
	Message string // one or more sentences, without the RequestId and Time lines
	Values  []KeyValue

	RequestID string // set by the client, for support
}

// NewError returns an error with the code's status. The details are pairs of
// key and value.
func NewError(code ErrorCode, message string, details ...string) *Error {
	e := &Error{Code: code, Status: code.Status(), Message: message}
	for i := 0; i+1 < len(details); i += 2 {
		e.Values = append(e.Values, KeyValue{details[i], details[i+1]})
	}
	return e
}

// Error returns the message, its reasons and the code.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(e.Message, "."))
	for _, v := range e.Values {
		switch v.Key {
		case "Reason", "AuthenticationErrorDetail":
			fmt.Fprintf(&b, ": %s", strings.TrimSuffix(v.Value, "."))
		}
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	return b.String()
}

// Is reports whether target is an [Error] with the same code, so that
// errors.Is(err, &batch.Error{Code: ...}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// errorBody is the wire form of an Error.
type errorBody struct {
	Metadata string    `json:"odata.metadata,omitempty"`
	Code     ErrorCode `json:"code"`
	Message  struct {
		Lang  string `json:"lang"`
		Value string `json:"value"`
	} `json:"message"`
	Values []KeyValue `json:"values,omitempty"`
}

// errorMetadata is what follows the account URL in the odata.metadata of an
// error body.
const errorMetadata = "/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"

// Body returns the JSON body of e. The account URL has no trailing slash.
func (e *Error) Body(accountURL, requestID string, now Time) []byte {
	body := errorBody{Metadata: accountURL + errorMetadata, Code: e.Code, Values: e.Values}
	body.Message.Lang = "en-US"
	body.Message.Value = fmt.Sprintf("%s\nRequestId:%s\nTime:%s", e.Message, requestID, now.UTC().Format("2006-01-02T15:04:05.0000000Z"))
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and nothing else
	}
	return data
}

// ParseError reads the body of a refusal. A body that is not the API's form,
// such as a proxy's page, still gives an Error with the status.
func ParseError(status int, body []byte) *Error {
	var wire errorBody
	if err := json.Unmarshal(body, &wire); err != nil || wire.Code == "" {
		return &Error{Status: status, Message: fmt.Sprintf("the server answered %d %s, not in the form of the Batch API", status, http.StatusText(status))}
	}
	e := &Error{Code: wire.Code, Status: status, Values: wire.Values}
	e.Message, _, _ = strings.Cut(wire.Message.Value, "\nRequestId:")
	if _, rest, ok := strings.Cut(wire.Message.Value, "\nRequestId:"); ok {
		e.RequestID, _, _ = strings.Cut(rest, "\n")
	}
	return e
}
