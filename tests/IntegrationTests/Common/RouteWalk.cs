using Bsp.Api.Common;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;

namespace Bsp.IntegrationTests.Common;

/// <summary>Every route of the application, as a client finds it.</summary>
public static class RouteWalk
{
    /// <param name="Pattern">As in Access.</param>
    /// <param name="Target">With ids that name nothing.</param>
    /// <param name="Takes">Media types of the body; empty: none.</param>
    /// <param name="Body">Type that the body becomes; null: none is read.</param>
    public sealed record Found(string Method, string Pattern, string Target, IReadOnlyList<string> Takes, Type? Body, Access.Rule Rule)
    {
        public override string ToString() => $"{Method} {Pattern}";
    }

    public static IReadOnlyList<Found> Routes(this AppFixture app) =>
        [.. ((IEndpointRouteBuilder)app.App).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(e => Access.RoutesOf(e).Select(route => Of(e, route))).DistinctBy(f => f.ToString())];

    /// <summary>Who may call it.</summary>
    public static HttpClient ClientOf(this AppFixture app, Found route, TestOrganization organization) =>
        route.Rule.Least == Role.Platform
            ? route.Rule.Organization ? app.Client(AppFixture.PlatformKey, organization.Id) : app.Platform
            : route.Rule.Least == Role.Anonymous ? app.Anonymous : organization.Admin;

    /// <summary>The same as a header line; null: nobody.</summary>
    public static string? KeyOf(Found route, TestOrganization organization) =>
        route.Rule.Least == Role.Platform
        ? $"Authorization: Bearer {AppFixture.PlatformKey}" + (route.Rule.Organization ? $"\r\nBsp-Organization: {organization.Id}" : "")
        : route.Rule.Least == Role.Anonymous ? null : $"Authorization: Bearer {organization.AdminKey}";

    private static Found Of(RouteEndpoint endpoint, string route)
    {
        var cut = route.IndexOf(' ', StringComparison.Ordinal);
        var (method, pattern) = (route[..cut], route[(cut + 1)..]);
        var target =
            System.Text.RegularExpressions.Regex.Replace(pattern, @"\{(\w+)[^}]*\}", m =>
                m.Groups[1].Value.EndsWith("name", StringComparison.OrdinalIgnoreCase) ? "v1" : m.Groups[1].Value == "month" ? "2026-01"
                : Guid.NewGuid().ToString());
        var accepts = endpoint.Metadata.GetMetadata<IAcceptsMetadata>();
        return new(method, pattern, target, accepts?.ContentTypes ?? [], accepts?.RequestType, Access.Of(method, pattern)!);
    }
}
