##@ Shadow and canary

challenge: $(INSTALLED) ## Run VERSION as shadow, or as canary for a SHARE of the flights; VERSION=none ends it
	@$(RUN) serving.extras.shadow.challenge $(VERSION) $(if $(SHARE),--share $(SHARE))
