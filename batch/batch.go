// Package batch holds the nouns of the Azure Batch certificate API: thumbprints,
// certificates, certificate references, pools, nodes and errors; SharedKey
// request signing; and a client.
//
// People who call an account start with [Client]. The account service uses the
// same types for its answers, [Verify] for requests and [Error] for refusals.
//
// Values marshal to the wire form of the API: thumbprints and enum values in
// lower case, times in UTC with up to seven fractional digits. They parse in
// any letter case, because client generations differ.
//
// The package does no validation that needs an account's data (does this
// certificate exist?); that is the service's work.
package batch
