// A module of its own: what it needs is no part of poolcert.
module kermit

go 1.26

require (
	azure.test/sharedkey v0.0.0
	github.com/Azure/go-autorest/autorest v0.11.28
	github.com/Azure/go-autorest/autorest/date v0.3.0
	github.com/gofrs/uuid v4.4.0+incompatible
	github.com/jackofallops/kermit v0.20241010.1180132
)

require (
	github.com/Azure/go-autorest v14.2.0+incompatible // indirect
	github.com/Azure/go-autorest/autorest/adal v0.9.18 // indirect
	github.com/Azure/go-autorest/autorest/to v0.4.0 // indirect
	github.com/Azure/go-autorest/autorest/validation v0.3.1 // indirect
	github.com/Azure/go-autorest/logger v0.2.1 // indirect
	github.com/Azure/go-autorest/tracing v0.6.0 // indirect
	github.com/golang-jwt/jwt/v4 v4.2.0 // indirect
	golang.org/x/crypto v0.17.0 // indirect
)

replace azure.test/sharedkey => ../sharedkey
