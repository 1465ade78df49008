# docker build --target api .      docker build --target simulator .
FROM node:22-slim AS console
WORKDIR /source/src/Console
COPY src/Console/package.json src/Console/package-lock.json ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY src/Console ./
COPY scripts/console-pack.mjs /source/scripts/
RUN CONSOLE_OUT=/out/console npm run build && node /source/scripts/console-pack.mjs /out/console

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# Project files first: packages are fetched again only when one of these changes.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/Domain/Domain.csproj src/Domain/
COPY src/Application/Application.csproj src/Application/
COPY src/Infrastructure/Infrastructure.csproj src/Infrastructure/
COPY src/Api/Api.csproj src/Api/
COPY tools/MetaSimulator/MetaSimulator.csproj tools/MetaSimulator/
RUN dotnet restore src/Api/Api.csproj && dotnet restore tools/MetaSimulator/MetaSimulator.csproj
COPY .editorconfig ./
COPY src src
COPY tools/MetaSimulator tools/MetaSimulator
RUN dotnet publish src/Api/Api.csproj -c Release --no-restore -o /out/api \
 && dotnet publish tools/MetaSimulator/MetaSimulator.csproj -c Release --no-restore -o /out/simulator

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS simulator
WORKDIR /app
COPY --from=build /out/simulator .
USER $APP_UID
EXPOSE 9090
ENV Simulator__Url=http://0.0.0.0:9090
ENTRYPOINT ["dotnet", "Bsp.MetaSimulator.dll"]

# Last, so that a plain 'docker build .' makes the product.
FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS api
WORKDIR /app
COPY --from=build /out/api .
COPY --from=console /out/console wwwroot/console
# A volume that is mounted there is the application's.
RUN mkdir /objects && chown $APP_UID /objects
USER $APP_UID
EXPOSE 8080
ENV ASPNETCORE_URLS=http://0.0.0.0:8080
ENTRYPOINT ["dotnet", "Bsp.Api.dll"]
CMD ["serve"]
