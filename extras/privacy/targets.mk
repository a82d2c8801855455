##@ Privacy
$(call arguments,SUBJECT)

forget: $(INSTALLED) $(POSTGRES) #- Erase SUBJECT (say SUBJECT=N14228) from log, data and all that holds it, and look for what is left
	@$(RUN) extras.privacy.forget_log $(if $(value SUBJECT),"$$SUBJECT")
	@$(RUN) extras.privacy.forget $(if $(value SUBJECT),"$$SUBJECT")
