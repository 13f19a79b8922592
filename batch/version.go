package batch

import "slices"

// Version is the api-version that [Client] asks for.
const Version = "2024-07-01.20.0"

// Versions returns every api-version with certificates, oldest first
// (reference section 12).
func Versions() []string { return slices.Clone(versions) }

// KnownVersion reports whether v is one of [Versions].
func KnownVersion(v string) bool { return slices.Contains(versions, v) }

var versions = []string{
	"2014-10-01.1.0", "2015-03-01.1.1", "2015-06-01.2.0", "2015-11-01.2.1", "2015-12-01.2.2",
	"2016-02-01.3.0", "2016-07-01.3.1", "2017-01-01.4.0", "2017-05-01.5.0", "2017-06-01.5.1",
	"2017-09-01.6.0", "2018-03-01.6.1", "2018-08-01.7.0", "2018-12-01.8.0", "2019-06-01.9.0",
	"2019-08-01.10.0", "2020-03-01.11.0", "2020-09-01.12.0", "2021-06-01.14.0", "2022-01-01.15.0",
	"2022-10-01.16.0", "2023-05-01.17.0", "2023-11-01.18.0", "2024-02-01.19.0", "2024-07-01.20.0",
}
