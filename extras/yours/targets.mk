##@ Making it yours
$(call arguments,NAME)

rename: $(INSTALLED) #- Give the package another NAME, say NAME=churn, in everything that follows from it
	@$(RUN) extras.yours.rename $(if $(value NAME),"$$NAME")

check-swap: $(INSTALLED) #- What is still the example's, in the order in which you would change it
	@$(RUN) extras.yours.check_swap
