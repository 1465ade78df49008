namespace Bsp.Api.Common;

/// <summary>The routes of one feature. Found by reflection in this assembly; needs a constructor without parameters.</summary>
public interface IEndpointModule
{
    /// <summary>Maps the routes. Each must stand in <see cref="Access"/>, or the start fails.</summary>
    void AddRoutes(IEndpointRouteBuilder app);
}
