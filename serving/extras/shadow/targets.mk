##@ Shadow and canary
$(call arguments,VERSION SHARE)

challenge: $(INSTALLED) #- Run VERSION as shadow, or as canary for a SHARE of the flights; VERSION=none ends it
	@$(RUN) serving.extras.shadow.challenge $(call option,SHARE,share) $(if $(value VERSION),-- "$$VERSION")
