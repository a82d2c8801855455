##@ Making it yours

rename: $(INSTALLED) ## Give the package another NAME, say NAME=churn, in everything that follows from it
	@$(RUN) extras.yours.rename $(NAME)

check-swap: $(INSTALLED) ## What is still the example's, in the order in which one would change it
	@$(RUN) extras.yours.check_swap
