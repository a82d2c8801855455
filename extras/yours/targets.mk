##@ Making it yours

rename: $(INSTALLED) ## Give the package another NAME, say NAME=churn, in everything that follows from it
	@$(RUN) extras.yours.rename $(NAME)

time-new-feature: $(RAW)/valid.parquet ## In a copy: add a feature, train on a sample, serve; how long, and how many files
	@$(RUN) extras.yours.new_feature

check-swap: $(INSTALLED) ## What is still the example's, in the order in which one would change it
	@$(RUN) extras.yours.check_swap
