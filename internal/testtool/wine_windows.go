package testtool

import "golang.org/x/sys/windows"

// UnderWine tells whether this Windows is Wine.
func UnderWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
