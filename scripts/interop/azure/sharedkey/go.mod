module azure.test/sharedkey

go 1.26
