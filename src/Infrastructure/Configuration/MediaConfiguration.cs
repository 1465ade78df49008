using Bsp.Application.Common;
using Microsoft.Extensions.Configuration;

namespace Bsp.Infrastructure.Configuration;

/// <summary>Where files lie, and how many: <c>Bsp:Media:*</c>.</summary>
internal static class MediaConfiguration
{
    private const string S3 = "Bsp:Media:S3";

    /// <param name="number">By name: reads a whole number, with what it is unless given, its least and its most.</param>
    public static MediaOptions Read(IConfiguration configuration, Func<string, Func<int, int, int, int>> number, List<string> faults)
    {
        var usual = new MediaOptions();
        var directory = configuration["Bsp:Media:Directory"] is { Length: > 0 } given ? Path.GetFullPath(given) : usual.Directory;
        return new()
        {
            Directory = directory,
            S3 = configuration.GetSection(S3).GetChildren().Any() ? Bucket(configuration, faults) : null,
            OrganizationMb = number("Bsp:Media:OrganizationMb")(usual.OrganizationMb, 1, 100_000_000),
            DownloadsAtOnce = number("Bsp:Media:DownloadsAtOnce")(usual.DownloadsAtOnce, 1, 64),
        };
    }

    private static S3Options? Bucket(IConfiguration configuration, List<string> faults)
    {
        string? Of(string name) => configuration[$"{S3}:{name}"] is { Length: > 0 } text ? text : null;
        if (Of("Bucket") is not { } bucket)
        {
            faults.Add($"{S3}:Bucket is missing: name the bucket, or leave out all of {S3} to keep files in Bsp:Media:Directory.");
            return null;
        }

        Uri? endpoint = null;
        if (Of("Endpoint") is { } text
            && (!Uri.TryCreate(text, UriKind.Absolute, out endpoint) || endpoint.Scheme is not ("http" or "https")))
        {
            faults.Add($"{S3}:Endpoint must be an http or https address, such as https://objects.example.com.");
        }

        if ((Of("AccessKey") is null) != (Of("SecretKey") is null))
        {
            faults.Add($"{S3}:AccessKey and {S3}:SecretKey are given together, or neither.");
        }

        var style = Of("PathStyle");
        if (style is not null && !bool.TryParse(style, out _))
        {
            faults.Add($"{S3}:PathStyle must be true or false.");
        }

        return new(bucket, Of("Region") ?? "us-east-1", endpoint, Of("AccessKey"), Of("SecretKey"), Of("Prefix"),
            bool.TryParse(style, out var path) ? path : endpoint is not null);
    }
}
