##@ Making it yours
check-swap: $(INSTALLED) #- What is still the example's, in the order in which you would change it
	@$(RUN) extras.yours.check_swap
